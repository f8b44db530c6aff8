def make_account(start=0):
    balance = start
    history = []

    def change(amount):
        nonlocal balance
        balance += amount
        history.append(balance)
        return balance

    def summary():
        return {"balance": balance, "history": history}

    return change, summary


def run(ctx, params):
    change, summary = make_account(10)
    for step in params["steps"]:
        change(step)
    return summary()

# params: {"steps": [5, -2, 7]}
# returns: {"balance": 20, "history": [15, 13, 20]}
