"""The web kit: typed endpoints on aiohttp and pydantic, problem+json, OpenAPI, strict headers.

An `api.py` needs `core.web.endpoint` (`endpoint`, `Endpoint`, `PUBLIC`), `core.web.schema` (`ApiModel`,
`IdStr`), `core.web.paging` (`Page`, `PageQuery`) and, for anything but JSON, `core.web.replies` and
`core.web.upload`.
"""
