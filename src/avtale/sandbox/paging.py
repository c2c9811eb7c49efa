"""Pages of the control API's lists: `pageNumber` and `pageSize`, as the API has them."""

from __future__ import annotations

import falcon.asgi

from avtale.api.paging import whole_number

PAGE_ITEMS = 500
MOST_PAGE_ITEMS = 2000
LAST_PAGE = 2**31 - 1


def page_of(req: falcon.asgi.Request) -> dict[str, int]:
    """The parameters `size` and `skip` of a query; raises ValidationFailed."""
    number = whole_number("pageNumber", req.get_param("pageNumber"), 1, LAST_PAGE, 1)
    size = whole_number("pageSize", req.get_param("pageSize"), 1, MOST_PAGE_ITEMS, PAGE_ITEMS)
    return {"size": size, "skip": (number - 1) * size}
