"""Readings and forecasts handed in over the interface."""

from typing import Any

from apiflask import APIBlueprint
from flask import request

from coordinator import intake
from coordinator.web import acting, asked, auth, security

feeds = APIBlueprint("feeds_api", __name__, url_prefix="/api/v1", tag="Feeds")
Answer = Any


@feeds.post("/readings")
@security.roomy(intake.LARGEST_BODY)
@feeds.input(asked.Rows, arg_name="body")
@feeds.doc(responses={202: "How many were taken, were there before, can't be believed"})
@auth.may("feed")
@acting.act_apart
def readings(body: asked.Rows) -> Answer:
    """Hand in hourly observations. A value that can't be believed is named, never guessed."""
    return intake.accept_readings(request.get_json(force=True), request.get_data()), 202


@feeds.post("/forecasts")
@security.roomy(intake.LARGEST_BODY)
@feeds.input(asked.Rows, arg_name="body")
@feeds.doc(responses={202: "How many were taken, were there before, can't be believed"})
@auth.may("feed")
@acting.act_apart
def forecasts(body: asked.Rows) -> Answer:
    """Hand in forecasts by hour or day, as issued."""
    return intake.accept_forecasts(request.get_json(force=True), request.get_data()), 202
