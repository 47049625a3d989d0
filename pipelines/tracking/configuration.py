"""Where runs are told to, if anywhere."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TrackingConfig(BaseModel):
    """An experiment tracker that `train`, `tune` and `evaluate` tell of their runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlflow: str = ""
    """MLflow's tracking URI (`http://…`, `sqlite:///…`); empty tells nobody. Needs
    `pip install 'segue[mlflow]'`."""
    experiment: str = Field(default="segue", min_length=1)
    """The experiment the runs belong to; it is made where it does not exist."""
    alias: str = Field(default="challenger", min_length=1)
    """What a newly trained ranker is called in the model registry."""
    timeout_s: int = Field(default=10, ge=1, le=3600)
    """How long a server may take to answer before the run goes on without it."""
