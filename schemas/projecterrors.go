package schemas

// in names the field of an error of run.
func (w *walk) in(o *op, err error) error {
	if m, ok := err.(*MalformedError); ok && m.Field == "" {
		m.Field = w.p.fields[o.field]
	}
	return err
}

func (w *walk) short(o *op, at int) error {
	return w.in(o, failAt(at, "%d bytes are needed, %d are left", o.n, len(w.b)-at))
}

func (w *walk) notText(o *op, at int) error {
	return w.in(o, failAt(at, "a string that is not UTF-8"))
}

// The three below find out what was wrong by going over it again with the cursor.

func (w *walk) badLength(o *op, at int) error {
	w.at = at
	_, err := w.bytes()
	return w.in(o, err)
}

func (w *walk) badNumber(o *op, at int) error {
	w.at = at
	_, err := w.int()
	if o.code == opLong {
		w.at = at
		_, err = w.long()
	}
	return w.in(o, err)
}

func (w *walk) badIndex(o *op, at int) error {
	w.at = at
	_, err := w.index(2, "union type")
	return w.in(o, err)
}
