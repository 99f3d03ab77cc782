"""h11, a parser of HTTP/1.1 that others wrote, as a second opinion on ours: the fuzzer's corpus, all cases of HTTP, and
mutations of both. Where the two differ in what ours accepts, second_opinion/differences.json says by which rule, and why."""
import os

from second_opinion import compare

MUTATIONS = int(os.environ.get("PLAYREPORT_TEST_MUTATIONS", "20000"))
SEED = int(os.environ.get("PLAYREPORT_TEST_SEED", "1"))


def test_what_we_accept_h11_accepts_alike(record_property):
    tried, rules, unlisted, accepted = compare.run(MUTATIONS, SEED)
    print(f"{tried} inputs, {accepted} requests that ours accepts, seed {SEED}\n{compare.table(rules)}")
    assert accepted > tried / 4, "too little is accepted to say anything"
    assert not unlisted, "\n".join(f"{data!r}: {verdict}" for data, verdict in unlisted[:5])
    record_property("inputs", tried)


def test_each_rule_of_the_table_is_needed():
    bases = list(compare.kept())
    rules, unlisted, _ = compare.compare(bases)
    assert not unlisted
    listed = [row["rule"] for row in compare.differences()]
    assert sorted(listed) == sorted(compare.RULES)
    assert [rule for rule in listed if rules[rule] == 0] == []
