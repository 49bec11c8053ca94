"""The tool behind `make mutants`: which changes it makes, and that its list of survivors holds."""

from __future__ import annotations

import ast

import pytest
from listed import MODULES, PERCENT, listed, source_of
from mutations import mutants

CHANGES = {
    "x < 1": ["x <= 1", "x >= 1", "x < 2"],
    "x is None": ["x is not None"],
    "x and y": ["x or y"],
    "not x": ["x"],
    "-x": ["x"],
    "x + y": ["x - y"],
    "True": ["False"],
    "'name'": ["'na~me'"],
    "''": ["'~'"],
    "f'{x} of {y!r}'": ["f' of {y!r}'", "f'{x} of '"],
    "call(x, key=y)": ["call(x)"],
    "lambda: x": ["lambda: None"],
    "ValueError('words')": [],
    "1 if x else 2": ["2 if x else 2", "1 if False else 2", "1 if True else 2", "1 if x else 3"],
    "[x for x in y if x]": ["[x for x in y if True]"],
}


def changed(source: str) -> list[str]:
    """The texts of all mutants of `source`."""
    texts = []
    for name in mutants(ast.parse(source)):
        tree = ast.parse(source)
        mutants(tree)[name].put()
        compile(tree, "mutant", "exec")
        texts.append(ast.unparse(tree))
    return texts


@pytest.mark.parametrize(("before", "after"), CHANGES.items())
def test_values_are_changed(before, after):
    assert sorted(changed(f"a = {before}")) == sorted(f"a = {text}" for text in after)


STATEMENTS = {
    "self.x = y": ["pass"],
    "x += y": ["pass", "x -= y"],
    "call()": ["pass"],
    "raise error": ["pass"],
    "return x": ["return None"],
    "return True": ["return False"],
    "return": [],
    "x = y": [],
}


@pytest.mark.parametrize(("before", "after"), STATEMENTS.items())
def test_statements_are_changed(before, after):
    texts = changed(f"def f():\n    {before}")

    assert sorted(texts) == sorted(f"def f():\n    {text}" for text in after)


LEFT_ALONE = """
import typing
T = TypeVar('T')
Alias: TypeAlias = int | str
__all__ = ['name']
if TYPE_CHECKING:
    import name

def f(x: 'name'='default') -> 'name':
    '''A docstring.'''
    y: int | str

@overload
def g(x: int=1):
    ...
"""


def test_what_no_test_can_find_is_left_alone():
    assert [*mutants(ast.parse(LEFT_ALONE))] == ["f: 'default'  ->  'def~ault'"]


def test_equal_mutants_of_one_function_are_numbered():
    assert [*mutants(ast.parse("a = 1\nb = 1"))] == ["module: 1  ->  2", "module: 1  ->  2  #2"]


def test_a_mutant_knows_the_lines_of_its_statement():
    source = "a = 1\ndef f(b=2):\n    if a:\n        call(\n            3)\n"

    lines = {name: [*mutant.lines] for name, mutant in mutants(ast.parse(source)).items()}

    assert lines == {
        "module: 1  ->  2": [],
        "f: 2  ->  3": [],
        "f: a  ->  False": [3],
        "f: a  ->  True": [3],
        "f: call(3)  ->  pass": [4, 5],
        "f: 3  ->  4": [4, 5],
    }


def test_each_listed_survivor_exists_and_has_a_reason():
    everyone = {
        module: mutants(ast.parse(source_of(module).read_text("utf-8"))) for module in MODULES
    }
    survivors = [
        (module, name, reason)
        for module, reasons in listed().items()
        for name, reason in reasons.items()
    ]

    assert [(module, name) for module, name, _ in survivors if name not in everyone[module]] == []
    assert [(module, name) for module, name, reason in survivors if len(reason) < 20] == []
    assert len(survivors) <= PERCENT / 100 * sum(map(len, everyone.values()))
