def run(ctx, params):
    log = []
    for value in params["values"]:
        try:
            result = 10 / value
        except ZeroDivisionError:
            log.append("zero")
        except (TypeError, ValueError) as error:
            log.append(error.__class__.__name__)
        else:
            log.append(result)
        finally:
            log.append("-")
    return log

# params: {"values": [2, 0, "x"]}
# returns: [5.0, "-", "zero", "-", "TypeError", "-"]
