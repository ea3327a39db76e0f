// What is wrong with this page for those who do not see it, do not use a mouse, or hold it in one hand. An expression: a list of findings.
(phone => {
  const found = []
  const all = s => [...document.querySelectorAll(s)]
  const say = (what, e) => found.push(what + ": " + e.outerHTML.slice(0, 120))
  const shows = e => e.getClientRects().length > 0
  if (document.documentElement.lang !== "en") found.push("no language")
  if (!document.title) found.push("no title")
  if (document.scripts.length) found.push("a script")
  if (all("h1").length !== 1) found.push("not one h1")
  if (all("main").length !== 1 || all("nav").some(n => !n.getAttribute("aria-label"))) found.push("landmarks")
  let level = 0
  for (const h of all("h1, h2, h3, h4, h5, h6")) {
    if (+h.tagName[1] > level + 1) say("a level of headings is left out", h)
    level = +h.tagName[1]
  }
  const ids = all("[id]").map(e => e.id)
  if (new Set(ids).size !== ids.length) found.push("an id twice")
  for (const e of all("input:not([type=hidden]), select, textarea")) if (!e.labels.length) say("no label", e)
  for (const e of all("th")) if (!e.scope) say("no scope", e)
  for (const e of all("table")) if (!e.caption && !e.closest("details")) say("no caption", e)
  for (const e of all("svg")) if (e.getAttribute("role") !== "img" || !e.getAttribute("aria-label")) say("no words for a picture", e)
  for (const e of all("a, button, summary")) if (!e.textContent.trim()) say("says nothing", e)
  for (const e of all("[style], [onclick], [onerror], [onload]")) say("inline", e)
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = all("body *").find(e => e.getBoundingClientRect().right > innerWidth + 1 && shows(e))
    found.push("wider than the screen: " + document.documentElement.scrollWidth + " " + (wide ? wide.outerHTML.slice(0, 120) : ""))
  }
  if (phone) for (const e of all("a, button, input:not([type=hidden]), select, summary")) {
    const r = e.getBoundingClientRect()
    if (shows(e) && !e.classList.contains("skip") && getComputedStyle(e).display !== "inline" && (r.height < 24 || r.width < 24)) say("too small for a finger, " + r.width + " x " + r.height, e)
  }
  // Contrast by WCAG 2.2: 4.5 to 1 for text, against the nearest background that is painted.
  const rgba = c => { const n = c.match(/[\d.]+/g).map(Number); return n.length === 4 ? n : [...n, 1] }
  const light = ([r, g, b]) => { const f = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b) }
  const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c } return [255, 255, 255, 1] }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  let counted = 0
  for (let n; (n = texts.nextNode());) {
    const e = n.parentElement
    if (!n.data.trim() || !shows(e) || e.closest("title")) continue
    const style = getComputedStyle(e), a = light(rgba(e.closest("svg") ? style.fill : style.color)), b = light(behind(e))
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    counted++
    if (ratio < 4.5) say("contrast " + ratio.toFixed(2), e)
  }
  if (!counted) found.push("no text")
  return found
})
