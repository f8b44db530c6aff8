TRANSITIONS = {
    ("idle", "start"): "running",
    ("running", "pause"): "paused",
    ("paused", "start"): "running",
    ("running", "stop"): "done",
}


def run(ctx, params):
    state, history = "idle", []
    for event in params["events"]:
        new = TRANSITIONS.get((state, event))
        if new is None:
            history.append(f"ignored {event} while {state}")
            continue
        state = new
        history.append(state)
    return history

# params: {"events": ["start", "pause", "start", "stop", "start"]}
# returns: ["running", "paused", "running", "done", "ignored start while done"]
