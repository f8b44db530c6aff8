# tries: the instance behind the functions of random, and its system source
# layer: language
import random


def run(ctx, params):
    return f"ESCAPED: {random.choice.__self__.__class__}"
