"""What schemathesis does not judge by itself: loaded by it, by SCHEMATHESIS_HOOKS."""
import schemathesis

# What a document cannot say of parameters by themselves: how they go together, and what is free text with a grammar.
TOGETHER = {"invalid_combination", "invalid_range", "range_not_kept"}
WORDS = {"where", "sort", "tz", "cursor"}


def is_positive(case):
    return case.meta is None or case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(_, case, __):
    """A variable's script goes out as JSON to whoever accepts that, as the platform does it: no JSON to be judged."""
    case.headers["Accept"] = "text/javascript" if "varname" in str(case.query) else "application/json"


@schemathesis.check
def what_the_document_allows_is_taken(_, response, case):
    """A refusal of what fits the document must be of one of the kinds above."""
    if not is_positive(case) or response.status_code != 400:
        return
    error = response.json()["error"]
    is_leap_day = "-02-29" in str(case.query)
    assert error["code"] in TOGETHER or error["parameter"] in WORDS or is_leap_day, error


@schemathesis.check
def an_extract_method_says_ok_or_why(_, response, case):
    """Its errors have status 200: what fits the document gets numbers, and each error names its parameter."""
    if "/extract/" not in case.path or response.status_code != 200 or "json" not in response.headers["content-type"][0]:
        return
    answer = response.json()
    if answer["status"] == "error":
        assert answer["code"] == "invalid_input" and answer["message"].startswith("The parameter "), answer
        words = str(case.query) + str(case.body)
        if is_positive(case):
            name = answer["message"].split()[2]
            assert name in ("site_id", "date_start") or "-02-29" in words, answer
