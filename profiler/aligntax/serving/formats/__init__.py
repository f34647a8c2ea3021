"""OpenAI's APIs as JSON documents: where texts stand in them, and how an answer refuses.

Documents come from clients and servers that nobody here knows: anything may stand anywhere in them, and no function
fails for it. A document is changed in place by `Place.put`, `flush`, `renumber` and `drop_tokens`, by nothing else.

A stream that guards change is read like this, for each event's document:

    for key, place in delta_places(kind, document, name):         # feed each text's own guards
        place.put(released(key, place.text))
    ending = ending_keys(kind, document, name, open_keys)         # what they hold back comes now
    extra = flush(kind, document, name, {key: rest(key) for key in ending})
    for key, place in whole_places(kind, document, name):         # repetitions; a key that had no delta is a whole text
        place.put(all_that_was_released(key) or judged(place.text))
    if anything was changed:
        drop_tokens(kind, document)
    send(*extra, document)

and where the stream ends with texts still open, `tail` has them. The events of a response are numbered: where `extra`
has n events, all that follow this one are moved by n with `renumber`.
"""

from __future__ import annotations

from aligntax.serving.formats.answers import (
    answer_places,
    delta_places,
    drop_tokens,
    ending_keys,
    flush,
    renumber,
    tail,
    whole_places,
)
from aligntax.serving.formats.errors import error, error_event
from aligntax.serving.formats.place import Key, Kind, Place, Prompt, dump
from aligntax.serving.formats.refusals import cut_events, refusal, refusal_events
from aligntax.serving.formats.requests import model_name, prompt, prompt_places, unreadable, wants_stream
from aligntax.serving.formats.routes import Route, route_of, stored_answers

__all__ = [
    "Key",
    "Kind",
    "Place",
    "Prompt",
    "Route",
    "answer_places",
    "cut_events",
    "delta_places",
    "drop_tokens",
    "dump",
    "ending_keys",
    "error",
    "error_event",
    "flush",
    "model_name",
    "prompt",
    "prompt_places",
    "refusal",
    "refusal_events",
    "renumber",
    "route_of",
    "stored_answers",
    "tail",
    "unreadable",
    "wants_stream",
    "whole_places",
]
