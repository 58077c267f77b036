"""Policies as TOML files: what a file says, or where its mistake is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path as File
from typing import Any

import msgspec

from probe.errors import InputError
from probe.verify import builtin, policy_shape
from probe.verify.contradictions import contradiction
from probe.verify.kinds import KINDS
from probe.verify.meant import meant, quoted
from probe.verify.overriding import is_named, overridden, replaced
from probe.verify.policy import Override, Policy, Unseen, Waiver
from probe.verify.policy_mistakes import Mistake, mistakes
from probe.verify.policy_shape import FACT, Said
from probe.verify.policy_text import MOST, PolicyText, parsed, read_text
from probe.verify.policy_values import wrong_values
from probe.verify.rule import Rule
from probe.verify.toml_places import Path

_DEEPEST = 8  # files that extend one another
_ENDING = ".toml"
_FEW = 8  # rules that fit into a hint
_NOTHING = Policy(name="")


def read_policy(name: str) -> Policy:
    """The policy of a file, or a built-in one by its name. Raises InputError with line, column and what was meant."""
    return _policy(read_text(name), ())


def parse_policy(text: str, name: str = "policy.toml") -> Policy:
    """The same of a file's text; a file that it extends is looked for beside `name`. Raises InputError."""
    return _policy(parsed(name, name, text), ())


def policy_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a policy file, for editors and other programs."""
    return policy_shape.schema()


def _policy(read: PolicyText, above: tuple[str, ...]) -> Policy:
    """One file with all that it extends; `above` are the files that extend it."""
    shape = policy_shape.document_type()
    wrong = (mistakes(read.values, shape), wrong_values(read.values))
    read.refuse([found for several in wrong for found in islice(several, MOST + 1)])
    said: Any = msgspec.convert(read.values, shape)
    name = said.name or File(read.name).name.removesuffix(_ENDING)
    base = _extended(read, said.extends, above) if said.extends else _NOTHING
    own = tuple(_rules(read, said, read.values, name))
    anew = {rule.key for rule in own}
    policy = Policy(
        name=name,
        title=said.title or "",
        version=said.version or None,
        source=said.source or None,
        file=read.file,
        files=(*base.files, *(() if read.file is None else (read.file,))),
        rules=replaced(base.rules, own),
        replaced=(*base.replaced, *(rule for rule in base.rules if rule.key in anew)),
        waivers=(*base.waivers, *_waivers(said)),
        overrides=(*base.overrides, *_overrides(read, said, name)),
        unseen=(
            *base.unseen,
            *(Unseen(item=each.item, why=each.why, source=each.source or None) for each in said.not_checkable or ()),
        ),
    )
    _check_whole(read, policy)
    return policy


def _extended(read: PolicyText, name: str, above: tuple[str, ...]) -> Policy:
    """The policy that a file extends."""
    chain = (*above, _identity(read.file, read.name))
    file = name if name in builtin.names() or read.file is None else str(File(read.file).parent / name)
    if _identity(None if file in builtin.names() else file, name) in chain:
        raise read.error(Mistake(("extends",), f"{quoted(name)} extends itself", "take one extends out"))
    if len(chain) > _DEEPEST:
        what = f"more than {_DEEPEST} policies extend one another"
        raise read.error(Mistake(("extends",), what, "put some of them together"))
    try:
        found = read_text(file)
    except InputError as error:
        raise read.error(Mistake(("extends",), f"extends: {error.what}", error.hint)) from None
    return _policy(found, chain)


def _identity(file: str | None, name: str) -> str:
    """The same for two names of one file."""
    return name if file is None else str(File(file).absolute())


def _rules(read: PolicyText, said: Any, values: dict[str, Any], name: str) -> Iterator[Rule]:
    """The rules of a file, or of an override in it, in the order in which they were written."""
    for section, inside in values.items():
        if section == FACT:
            for fact in inside:
                yield _fact(read, fact, name)
        elif isinstance(inside, dict):
            for key in inside:
                yield _rule(read, f"{section}.{key}", getattr(getattr(said, section), key), name)


def _rule(read: PolicyText, key: str, found: Any, name: str) -> Rule:
    """One key, in its shorter or its longer form."""
    more = found if isinstance(found, Said) else Said()
    return _said(read, Rule(key=key, value=getattr(found, "value", found), policy=name), more)


def _fact(read: PolicyText, table: dict[str, Any], name: str) -> Rule:
    """One table of [[fact]]."""
    more = {key: value for key, value in table.items() if key in Said.__struct_fields__}
    value = msgspec.convert({key: each for key, each in table.items() if key not in more}, KINDS[FACT].value)
    return _said(read, Rule(key=f"{FACT}:{value.path}", value=value, policy=name), msgspec.convert(more, Said))


def _said(read: PolicyText, rule: Rule, more: Said) -> Rule:
    """A rule with what is said of it besides; its source is that of the file if it names no other."""
    source = more.source or read.values.get("source")
    return replace(rule, severity=more.severity, source=source, why=more.why or None)


def _waivers(said: Any) -> Iterator[Waiver]:
    for each in said.waiver or ():
        yield Waiver(
            rules=tuple(each.rules), targets=tuple(each.targets or ()), reason=each.reason, expires=each.expires
        )


def _overrides(read: PolicyText, said: Any, name: str) -> Iterator[Override]:
    for number, each in enumerate(said.override or ()):
        rules = tuple(_rules(read, each, read.values["override"][number], name))
        yield Override(targets=tuple(each.targets), rules=rules, without=tuple(each.without or ()))


def _check_whole(read: PolicyText, policy: Policy) -> None:
    """Refuse what demands nothing, what is said of rules that are not there, and what cannot all be met."""
    if not policy.rules and not any(each.rules for each in policy.overrides):
        hint = "every server would pass it; docs/policy.md has every key"
        raise InputError(f"cannot read {read.name}: it has no rule", hint)
    read.refuse([*islice(_of_no_rule(read, policy), MOST + 1), *_contradicting(read, policy)])


def _of_no_rule(read: PolicyText, policy: Policy) -> Iterator[Mistake]:
    """What waivers and overrides say of rules that the policy does not have."""
    keys = {rule.key for rules in (policy.rules, *(each.rules for each in policy.overrides)) for rule in rules}
    for of, field in (("waiver", "rules"), ("override", "without")):
        for number, table in enumerate(read.values.get(of, ())):
            for place, pattern in enumerate(table.get(field, ())):
                if not any(is_named(key, [pattern]) for key in keys):
                    what = f"{of}.{field}: this policy has no rule {quoted(pattern)}"
                    yield Mistake((of, number, field, place), what, _rule_meant(pattern, keys))


def _rule_meant(pattern: str, keys: set[str]) -> str:
    if any(key.startswith(f"{pattern}.") for key in keys):
        return f'did you mean "{pattern}.*"?'
    return meant(pattern, keys, f"it has {', '.join(sorted(keys)[:_FEW])}")


def _contradicting(read: PolicyText, policy: Policy) -> Iterator[Mistake]:
    """Two demands that no server meets together, of all targets or of those of an override in this file."""
    whole = list(_contradiction(read, policy.rules, ()))
    yield from whole
    own = 0 if whole else len(read.values.get("override", ()))
    for number, each in enumerate(policy.overrides[len(policy.overrides) - own :]):
        yield from _contradiction(read, overridden(policy.rules, each), ("override", number))


def _contradiction(read: PolicyText, rules: Iterable[Rule], at: Path) -> Iterator[Mistake]:
    """Shown at the demand that this file has."""
    found = contradiction(rules)
    if found is None:
        return
    paths: list[Path] = [(*at, *found.second.split(".")), (*at, *found.first.split("."))]
    written = next((path for path in paths if read.has(path)), at)
    what = f"{found.first} and {found.second} contradict each other: {found.why}"
    yield Mistake(written, what, "take one of them out, or make it a warning", of_key=True)
