"""Two hundred and more strings that break pages which do not escape what merchants send."""

from __future__ import annotations

from itertools import product

_PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<b>'>",
    "</title><b>",
    "</h1><b>out",
    '"><b>out',
    "'><b>out",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)",
    "`onclick=alert(1)`",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[<b>]]>",
    "&lt;b&gt;",
    "&amp;amp;",
    "&#60;b&#62;",
    "<b",
    "<a href=javascript:alert(1)>x",
    "<form action=//evil>",
    "<base href=//evil>",
    "<meta http-equiv=refresh>",
    "<link rel=stylesheet>",
    "<math><mi//xlink:href>",
    "<textarea>",
    "</textarea><b>",
    "<plaintext>",
    "<template><b>",
    "<style>*{}</style>",
    "javascript:alert(1)",
    "data:text/html,<b>",
    "%3Cscript%3E",
    "\\u003cscript\\u003e",
    "\\x3cb\\x3e",
    "<ScRiPt>alert(1)",
    "<\N{ZERO WIDTH SPACE}script>",
    "\N{FULLWIDTH LESS-THAN SIGN}b\N{FULLWIDTH GREATER-THAN SIGN}",
    "\N{RIGHT-TO-LEFT OVERRIDE}kcatta",
    "\N{LINE SEPARATOR}<b>",
    "<b>\N{SNOWMAN}</b>",
    "=1+1",
    "@SUM(1)",
    "'; DROP TABLE--",
    "../../etc",
)
_AROUND = ("{}", "a{}", "{}z", '"{}"')

HOSTILE: tuple[str, ...] = tuple(
    text
    for around, payload in product(_AROUND, _PAYLOADS)
    if len(text := around.format(payload) if "{}" in around else payload) <= 45
)
"""Each fits the shortest text that a merchant sends, a product's name."""
