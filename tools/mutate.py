"""Mutation testing of what judges a policy: every small fault in it must fail a test.

    python -m pip install 'rdp-probe[dev,mutation]'
    python -m tools.mutate                                  every module that decides; an hour
    python -m tools.mutate rules_certificate verdict:60-90  these, or of a module these lines

The faults are those of cosmic-ray, and a few that it lacks: another text where it is not for people; a statement, a
keyword argument or an element left out; the two sides of a choice exchanged; `any` for `all`; a part of a test taken
away. Texts for people are let alone: tests look at what they say, but no verdict hangs on it.

The tests are collected once. Each mutant is then a fork of this process, in which the module is run again from its
changed source and what other modules had imported of it is replaced. Nothing is written to the tree.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
HOME = ROOT / "probe" / "verify"
MODULES = tuple(
    sorted(
        path.stem
        for path in HOME.glob("*.py")
        if path.stem.startswith("rules_")
        or path.stem
        in {
            "rule",
            "selectors",
            "served",
            "verdict",
            "overriding",
            "targets",
            "seen",
            "leaves",
            "diagnoses_seen",
            "fact_paths",
        }
    )
)
_SLOWEST = 3  # times as long as without a mutant, and a minute more: what goes on then goes on for ever
_KILLED, _SURVIVED = 1, 0
_FOR_PEOPLE = {"_", "N_"}  # functions whose first argument is a text for people
_DESCRIBES = {"says", "example", "frozen", "slots", "kw_only"}  # keywords on which no verdict hangs
_LEFT_OUT = {"VariableReplacer", "VariableInserter", "RemoveDecorator"}  # the last is killed by an import, always


@dataclass(frozen=True)
class Mutant:
    """One small fault."""

    line: int
    what: str
    code: CodeType


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module that is another program: annotations, docstrings and texts for people aside."""
    yield from _of_cosmic_ray(source)
    yield from _of_ours(source)


def _program(source: str) -> str:
    """What a source does, without what does nothing."""
    return ast.dump(_Bare().visit(ast.parse(source)))


class _Bare(ast.NodeTransformer):
    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """How arguments may be given, and of which types they are, changes nothing for those who give them."""
        node.returns, given = None, node.args
        for each in (*given.args, *given.kwonlyargs, *given.posonlyargs, given.vararg, given.kwarg):
            if each is not None:
                each.annotation = None
        given.defaults += [each for each in given.kw_defaults if each is not None]
        given.kw_defaults = []
        given.args, given.posonlyargs, given.kwonlyargs = [*given.posonlyargs, *given.args, *given.kwonlyargs], [], []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _FOR_PEOPLE:
            node.args = [ast.Constant("")]
        node.keywords = [each for each in node.keywords if each.arg not in _DESCRIBES]
        return self.generic_visit(node)


def _of_cosmic_ray(source: str) -> Iterator[Mutant]:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.operators.provider import OperatorProvider

    provider, lines, seen = OperatorProvider(), source.splitlines(), {_program(source)}
    nodes = list(ast_nodes(get_ast(source)))
    for name in (each for each in provider if each not in _LEFT_OUT and not _is_nonsense(each)):
        places = sum(1 for node in nodes for _position in provider[name]().mutation_positions(node))
        for place in range(places):
            changed = str(mutate_code(source, provider[name](), place))
            try:
                program = _program(changed)
            except SyntaxError:
                continue
            if program in seen:
                continue
            seen.add(program)
            pairs = enumerate(zip(lines, changed.splitlines(), strict=False), 1)
            at, said = next(((at, after) for at, (before, after) in pairs if before != after), (0, ""))
            yield Mutant(at, f"{name}: {said.strip()}", _code(ast.parse(changed)))


def _is_nonsense(operator: str) -> bool:
    """Order for what is only equal or not, and identity for what is compared: texts have no order that matters here."""
    kind, _dash, comparison = operator.partition("_")
    if kind != "ReplaceComparisonOperator":
        return False
    before, after = comparison.split("_")
    only_equal, identity = before in ("Eq", "NotEq"), ("Is", "IsNot")
    return (only_equal and after not in ("Eq", "NotEq")) or ((after in identity) != (before in identity))


def _code(tree: ast.Module) -> CodeType:
    return compile(tree, "mutant", "exec")


def _of_ours(source: str) -> Iterator[Mutant]:
    """One mutant for each place that one of ours can change."""
    tree, nodes = _fresh(source)
    for place in range(len(nodes)):
        for change in _CHANGES:
            for number in range(_MOST_A_NODE):
                node = nodes[place]
                what = None if hasattr(node, "for_people") else change(node, number)
                if what is None:
                    break
                if what:
                    yield Mutant(
                        (node.target if isinstance(node, ast.comprehension) else node).lineno,  # type: ignore[attr-defined]
                        f"{change.__name__.strip('_')}: {what}",
                        _code(ast.fix_missing_locations(tree)),
                    )
                    tree, nodes = _fresh(source)


def _fresh(source: str) -> tuple[ast.Module, list[ast.AST]]:
    tree = ast.parse(source)
    _mark(tree)
    return tree, list(ast.walk(tree))


_MOST_A_NODE = 12


def _mark(tree: ast.Module) -> None:
    """Say of what is for people, of docstrings and of annotations that it is."""
    for node in ast.walk(tree):
        inside: list[ast.AST | None] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FOR_PEOPLE:
            inside = list(node.args[:1])
        elif isinstance(node, ast.keyword) and node.arg in _DESCRIBES:
            inside = [node.value]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside = [node, node.value]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            inside = [node.annotation]
        elif isinstance(node, ast.FunctionDef):
            inside = [node.returns]
        for each in inside:
            for deeper in ast.walk(each) if each is not None else ():
                deeper.for_people = True  # type: ignore[attr-defined]


def _other_text(node: ast.AST, number: int) -> str | None:
    if number or not isinstance(node, ast.Constant) or not isinstance(node.value, str) or hasattr(node, "for_people"):
        return None
    node.value += "XX"
    return repr(node.value)


def _statement_left_out(node: ast.AST, number: int) -> str | None:
    if not isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While):
        return None
    bodies = [node.body] if isinstance(node, ast.FunctionDef) else [node.body, node.orelse]
    both = [(body, at) for body in bodies for at in range(len(body))]
    if number >= len(both):
        return None
    body, at = both[number]
    if isinstance(body[at], ast.FunctionDef | ast.Pass) or hasattr(body[at], "for_people"):
        return ""
    said = ast.unparse(body[at]).partition("\n")[0]
    body[at] = ast.copy_location(ast.Pass(), body[at])
    return said


def _choice_exchanged(node: ast.AST, number: int) -> str | None:
    if number or not isinstance(node, ast.IfExp):
        return None
    node.body, node.orelse = node.orelse, node.body
    return ast.unparse(node)


def _part_taken_away(node: ast.AST, number: int) -> str | None:
    if not isinstance(node, ast.BoolOp) or number >= len(node.values):
        return None
    del node.values[number]
    if len(node.values) == 1:
        node.values.append(node.values[0])
    return ast.unparse(node)


def _any_all(node: ast.AST, number: int) -> str | None:
    others = {"any": "all", "all": "any", "min": "max", "max": "min", "floor": "ceil", "ceil": "floor"}
    if number or not isinstance(node, ast.Name) or node.id not in others:
        return None
    node.id = others[node.id]
    return node.id


def _membership(node: ast.AST, number: int) -> str | None:
    if number or not isinstance(node, ast.Compare):
        return None
    for at, operator in enumerate(node.ops):
        if isinstance(operator, ast.In | ast.NotIn):
            node.ops[at] = ast.NotIn() if isinstance(operator, ast.In) else ast.In()
            return ast.unparse(node)
    return None


def _argument_left_out(node: ast.AST, number: int) -> str | None:
    if not isinstance(node, ast.Call) or number >= len(node.keywords):
        return None
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    if called in _FOR_PEOPLE or node.keywords[number].arg in _DESCRIBES:
        return ""
    said = node.keywords.pop(number)
    return f"{called}({said.arg}=…)"


def _filter_left_out(node: ast.AST, number: int) -> str | None:
    if not isinstance(node, ast.comprehension) or number >= len(node.ifs):
        return None
    return ast.unparse(node.ifs.pop(number))


def _element_left_out(node: ast.AST, number: int) -> str | None:
    if not isinstance(node, ast.Tuple | ast.List | ast.Set) or not isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    ):
        return None
    if number >= len(node.elts) or len(node.elts) < 2:
        return None
    return ast.unparse(node.elts.pop(number))


_CHANGES: tuple[Callable[[ast.AST, int], str | None], ...] = (
    _other_text,
    _statement_left_out,
    _choice_exchanged,
    _part_taken_away,
    _any_all,
    _membership,
    _argument_left_out,
    _filter_left_out,
    _element_left_out,
)


class Mutating:
    """A plugin of pytest: in place of running the tests it mutates, and runs them against each mutant."""

    def __init__(self, modules: Sequence[str]) -> None:
        self.modules = modules
        self.failed = False
        self.took: dict[str, float] = {}  # seconds by test
        self.slowest_s = 0  # 0: no limit, as long as nothing is known
        self.count: Counter[str] = Counter()
        self.survivors: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test failed."""
        self.failed = self.failed or report.failed
        self.took[report.nodeid] = self.took.get(report.nodeid, 0) + report.duration

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Mutate."""
        items = session.items
        started = time.monotonic()
        if self._run(items)[0] != _SURVIVED:
            raise pytest.UsageError("the tests fail without any mutation")
        self.slowest_s = 60 + _SLOWEST * round(time.monotonic() - started)
        items.sort(key=lambda item: self.took.get(item.nodeid, 0))  # quick ones first
        for name in self.modules:
            self._module(name, items)
        return True

    def _module(self, chosen: str, items: Sequence[pytest.Item]) -> None:
        name, _colon, lines = chosen.partition(":")
        first, _dash, last = lines.partition("-")
        module = sys.modules[f"probe.verify.{name}"]
        source = Path(str(module.__file__)).read_text()
        near = sorted(items, key=lambda item: name.removeprefix("rules_") not in item.path.stem)
        started, before = time.monotonic(), Counter(self.count)
        wanted = range(int(first or 0), int(last or len(source)) + 1)
        if self._run(near, module, _code(ast.parse(source)))[0] != _SURVIVED:
            raise pytest.UsageError(f"the tests fail where {name} is replaced by itself: no mutant would survive")
        for mutant in sorted(mutants(source), key=lambda mutant: mutant.line):
            if mutant.line not in wanted:
                continue
            ended, killer = self._run(near, module, mutant.code)
            near.insert(0, near.pop(killer))  # what killed one is likely to kill the next in the same line
            outcome = "survived" if ended == _SURVIVED else "killed"
            self.count[outcome] += 1
            if outcome == "survived":
                self.survivors.append(f"{name}.py:{mutant.line}: {mutant.what}")
                print(f"  SURVIVED {self.survivors[-1]}", flush=True)
            elif ended == -signal.SIGALRM:
                print(f"  WITHOUT END {name}.py:{mutant.line}: {mutant.what}", flush=True)
        here = self.count - before
        took = time.monotonic() - started
        print(f"{name}: {here['killed']} killed, {here['survived']} survived, {took:.0f} s", flush=True)

    def _run(
        self, items: Sequence[pytest.Item], module: ModuleType | None = None, code: CodeType | None = None
    ) -> tuple[int, int]:
        """Run the tests in a fork, until one fails: how it ended, and which test that was."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = _KILLED
            try:
                signal.alarm(self.slowest_s)
                for stream in (1, 2):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
                if module is not None and code is not None:
                    replace(module, code)
                killer = self._failing(items)
                status = _SURVIVED if killer is None else _KILLED
                with os.fdopen(writing, "wb") as telling:
                    telling.write(json.dumps([killer or 0, {} if code is not None else self.took]).encode())
            except BaseException:  # noqa: BLE001 - a mutant that cannot even be imported
                status = _KILLED
            finally:
                os._exit(status)
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            killer, took = json.loads(said.read() or "[0, {}]")
            self.took |= took
        _pid, ended = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(ended), killer

    def _failing(self, items: Sequence[pytest.Item]) -> int | None:
        for place, (item, following) in enumerate(zip(items, (*items[1:], None), strict=True)):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return place
        return None


def replace(module: ModuleType, code: CodeType) -> None:
    """Run a module again from another source, and replace what other modules had imported of it."""
    from probe.verify.rule import KINDS  # behind pytest, which rewrites what it imports

    before, order = dict(vars(module)), list(KINDS)
    for key in [key for key, kind in KINDS.items() if kind.check.__module__ == module.__name__]:
        del KINDS[key]
    exec(code, vars(module))  # noqa: S102 - our own source, but for one fault
    places = {key: place for place, key in enumerate(order)}  # in which order keys are shown is no fault of the mutant
    known = sorted(KINDS.items(), key=lambda item: places.get(item[0], len(places)))
    KINDS.clear()
    KINDS.update(known)
    changed = {name: value for name, value in vars(module).items() if before.get(name) is not value}
    for name, other in list(sys.modules.items()):
        if name.startswith(("probe.", "tests.")) and other is not module:
            for imported, value in list(vars(other).items()):
                if imported in changed and value is before.get(imported):
                    setattr(other, imported, changed[imported])
    if module.__name__ == "probe.verify.rule":  # where all others registered
        for name, other in list(sys.modules.items()):
            if name.startswith("probe.verify.rules_"):
                replace(other, _code(ast.parse(Path(str(other.__file__)).read_text())))


def main(arguments: Sequence[str] | None = None) -> int:
    """Mutate, and say what survived. The exit status is 1 where anything did."""
    parser = ArgumentParser(description="Mutation testing of the evaluator of policies.")
    parser.add_argument(
        "modules",
        nargs="*",
        metavar="MODULE",
        help=f"of probe/verify, or MODULE:FIRST-LAST lines of it (all: {', '.join(MODULES)})",
    )
    parser.add_argument("--tests", nargs="*", default=["tests/verify"], help="tests/verify")
    options: Any = parser.parse_args(arguments)
    plugin = Mutating(options.modules or MODULES)
    chosen = [str(ROOT / path) for path in options.tests]
    pytest.main(["-q", "-s", "--assert=plain", "--tb=native", "-p", "no:cacheprovider", *chosen], plugins=[plugin])
    total = sum(plugin.count.values())
    print(f"{total} mutants, {plugin.count['killed']} killed, {plugin.count['survived']} survived")
    for survivor in plugin.survivors:
        print(f"  {survivor}")
    return 1 if plugin.survivors or not total else 0


if __name__ == "__main__":
    sys.exit(main())
