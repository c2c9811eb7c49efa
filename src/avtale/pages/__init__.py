"""What all pages share: look, words, forms that cannot be forged, streams that tell of changes, kind errors.

A page is a template that extends `base.html.jinja`. It gets `t` (the words of its language:
`{{ t("home.requests") }}`), `link` (keeps a chosen language in links) and whatever its responder says:
`look.send(req, resp, "landing/ask.html.jinja", …)`.

A form carries `forms.token(subject, now)` in its field `form`. Its responder begins with `await forms.read(…)`,
does one thing, and answers `look.go(req, resp, path)`: state never changes by GET.

A page whose `<main>` has `data-stream` listens there (`board.stream(resp, digest)`), and is fetched anew
when something has changed. Styles, scripts and the mark are files in `static/`: nothing stands inline,
and nothing comes from elsewhere.
"""
