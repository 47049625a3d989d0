"""The service's own description, corrected where FastAPI cannot know better."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from service.problems import MEDIA_TYPE
from service.schemas import EventBatch

REFERENCE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an app: problems as problems, events with their schema."""
    document: dict[str, Any] = FastAPI.openapi(app)
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400" and "application/json" in response.get("content", {}):
                    response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
    schemas = document["components"]["schemas"]
    batch = EventBatch.model_json_schema(ref_template=REFERENCE)
    schemas.update(batch.pop("$defs"))
    schemas["EventBatch"] = batch
    return document
