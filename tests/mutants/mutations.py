"""Small changes to a module, one at a time: each of them is a fault that some test should find.

What no test can find is left alone: annotations, docstrings, what only a type checker reads, and
the words of errors (but not the values that errors show).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
NOT_KNOWN = range(0)

N = TypeVar("N", bound=ast.AST)

_CONSTANTS = {"None", "True", "False"}
FOR_TYPES = {"TypeVar", "ParamSpec", "TYPE_CHECKING", "MYPY", "TypeAlias", "overload", "verb"}


@dataclass(frozen=True)
class Mutant:
    """In `where`, a function or class, `before` becomes `after` as soon as `put` is called.

    `lines` are those of its statement, NOT_KNOWN of one that runs when the module is imported.
    """

    where: str
    lines: range
    before: str
    after: str
    put: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.where}: {self.before}  ->  {self.after}"


NONE = Mutant("nowhere", NOT_KNOWN, "nothing", "nothing", lambda: None)


def mutants(module: ast.Module) -> dict[str, Mutant]:
    """All of them by name. Those that read the same are numbered in the order of the text."""
    named: dict[str, Mutant] = {}
    for mutant in _walk(module, ""):
        name = str(mutant)
        again = 2
        while name in named:
            name = f"{mutant}  #{again}"
            again += 1
        named[name] = mutant
    return named


def _walk(
    parent: ast.AST, where: str, lines: range = NOT_KNOWN, *, called: bool = False
) -> Iterator[Mutant]:
    """The mutants in `parent`, which is `called` if it is in a function, and else imported."""
    if isinstance(parent, ast.ClassDef | FUNCTIONS):
        where = f"{where}.{parent.name}" if where else parent.name
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns"):
            continue
        runs = called or (field == "body" and isinstance(parent, FUNCTIONS))
        for i, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _is_left_alone(parent, node):
                continue
            inner = lines or (_lines(node) if runs else NOT_KNOWN)
            put = partial(_put, parent, field, i if isinstance(value, list) else None, node)
            for after in _changes(parent, node):
                texts = _in_one_line(node), _in_one_line(after) if after else "nothing"
                yield Mutant(where or "module", inner, *texts, partial(put, after))
            yield from _walk(node, where, inner, called=runs)


def _lines(node: ast.AST) -> range:
    """Those of a statement without a block, or of an expression in the head of one with a block."""
    if not hasattr(node, "lineno") or isinstance(getattr(node, "body", None), list):
        return NOT_KNOWN
    assert isinstance(node, ast.stmt | ast.expr | ast.keyword | ast.arg)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _put(
    parent: ast.AST, field: str, i: int | None, before: ast.AST, after: ast.AST | None
) -> None:
    if after is not None:
        ast.fix_missing_locations(ast.copy_location(after, before))
    if i is None:
        setattr(parent, field, after)
    elif after is None:
        del getattr(parent, field)[i]
    else:
        getattr(parent, field)[i] = after


def _in_one_line(node: ast.AST) -> str:
    if isinstance(node, ast.ExceptHandler):
        return f"except {ast.unparse(node.type) if node.type else ''}"
    if isinstance(node, ast.FormattedValue):
        return ast.unparse(ast.JoinedStr([node]))
    text = ast.unparse(node).split("\n")
    return text[0] if len(text) == 1 else f"{text[0]} ..."


def _is_left_alone(parent: ast.AST, node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():  # a docstring
            return True
        case ast.If(test=ast.Name(id=name)) | ast.Assign(value=ast.Call(func=ast.Name(id=name))):
            return name in FOR_TYPES
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return any(ast.unparse(mark) == "overload" for mark in node.decorator_list)
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.Name(id=name):
            return name in FOR_TYPES
        case ast.Constant() if isinstance(parent, ast.JoinedStr | ast.FormattedValue):
            return True
        case ast.Constant(value=str()) if isinstance(parent, ast.Call):
            return ast.unparse(parent.func).endswith("Error")
    return isinstance(parent, ast.FormattedValue) and node is parent.format_spec


def _changes(parent: ast.AST, node: ast.AST) -> Iterator[ast.AST | None]:
    """What may stand in the place of `node`; None for nothing at all."""
    if isinstance(parent, ast.JoinedStr) and isinstance(node, ast.FormattedValue):
        yield None
    if isinstance(node, ast.keyword) and node.arg is not None:
        yield None
    if isinstance(node, ast.expr):
        if node in getattr(parent, "decorator_list", ()):
            yield None
        yield from _other_values(node)
        if node is getattr(parent, "test", None) and not isinstance(parent, ast.Assert):
            yield ast.Constant(False)
            if not isinstance(parent, ast.While):  # it would never end
                yield ast.Constant(True)
        if isinstance(parent, ast.comprehension) and node in parent.ifs:
            yield ast.Constant(True)
    else:
        yield from _other_statements(node)


def _other_values(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=ops):
            for i, op in enumerate(ops):
                for other in COMPARISONS[type(op)]:
                    yield _with(node, ops=[*ops[:i], other(), *ops[i + 1 :]])
        case ast.BoolOp(op=op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(op)]())
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield ast.Constant(f"{value[: len(value) // 2]}~{value[len(value) // 2 :]}")
        case ast.Lambda(body=body) if ast.unparse(body) != "None":
            yield _with(node, body=ast.Constant(None))
        case ast.Yield(value=ast.expr()):
            yield _with(node, value=ast.Constant(None))


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) not in _CONSTANTS:
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.ExceptHandler(type=ast.expr()):
            yield _with(node, type=ast.Tuple([], ast.Load()))  # handles nothing
    if isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())


def _with(node: N, **fields: object) -> N:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other
