"""Lists the mistakes that healthy programs are given.

python clinic/mutate.py                                    # how many by each operator
python clinic/mutate.py digits_bn_dropout                  # those of one host
python clinic/mutate.py digits_bn_dropout/turned_loss/0    # what one of them changes, and where its fault is
"""

import sys
from collections import Counter
from difflib import unified_diff

from mutations.catalogue import hosts, mutants, unseen
from mutations.families import BENIGN, FAMILIES
from mutations.script import Script


def main(mutant_id: str = "") -> None:
    """Print the counts, the mutants of a host, or what one of them changes."""
    host, _, rest = mutant_id.partition("/")
    programs = [*hosts(), *unseen()]
    found = [mutant for path in programs if host in ("", path.stem) for mutant in mutants(Script(path))]
    if not found:
        sys.exit(f"there is no host {host!r}: {', '.join(path.stem for path in programs)}")
    if rest:
        for mutant in (mutant for mutant in found if mutant.id == mutant_id):
            before, after = (text.splitlines(keepends=True) for text in (mutant.host.data.decode(), mutant.text))
            print(*unified_diff(before, after, mutant.host.name, mutant.id, n=1), sep="", end="")
            print(f"place: lines {', '.join(map(str, sorted(mutant.edit.lines)))}; {mutant.operator.source}")
    elif host:
        print(*(mutant.id for mutant in found), sep="\n")
    else:
        counts = Counter((mutant.family, mutant.operator.name) for mutant in found)
        for family, operators in {**FAMILIES, **BENIGN}.items():
            print(f"{family}: {sum(counts[family, o.name] for o in operators)} of {len(operators)} operators")
            for operator in operators:
                print(f"    {counts[family, operator.name]:5} {operator.name}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
