package retrain

func (c *Controller) explain(m *model, d *Decision, s *saying) string { return "" }
