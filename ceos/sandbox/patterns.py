# ruff: noqa: N802 - the visitors of a syntax tree are named by its nodes
"""The patterns of `match`: names are checked, and no attribute is read without a guard.

Python itself reads attributes in two kinds of pattern. `case Point(x=0)` is refused. `case Color.RED` becomes a name
and a comparison in the condition of the case, which reads the attribute through a guard.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from RestrictedPython.transformer import RestrictingNodeTransformer, copy_locations

from ceos.sandbox import messages

#: The classes whose patterns may hold another pattern, because it matches the object itself, not an attribute.
PLAIN = frozenset(["bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"])

_Node = TypeVar("_Node", bound=ast.AST)


class PatternPolicy(RestrictingNodeTransformer):
    """The part of the policy about `match`."""

    #: Names that the source binds, so that a class pattern cannot rely on them.
    bound: frozenset[str] = frozenset()
    #: The comparisons for the condition of the current case; None where it cannot have any.
    _comparisons: list[ast.expr] | None = None

    def visit_all(self, nodes: Sequence[ast.AST]) -> list[Any]:
        """Visit a list of nodes and return the result; one node may become several, or none."""
        result: list[Any] = []
        for node in nodes:
            new = self.visit(node)
            if isinstance(new, list):
                result += new
            elif new is not None:
                result.append(new)
        return result

    def visit_Match(self, node: ast.Match) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        outer, self._comparisons = self._comparisons, []
        node.pattern = self.visit(node.pattern)
        conditions, self._comparisons = self._comparisons, outer
        if node.guard:
            conditions.append(self.visit(node.guard))
        if conditions:
            node.guard = conditions[0] if len(conditions) == 1 else _located(ast.BoolOp(ast.And(), conditions), node)
        node.body = self.visit_all(node.body)
        return node

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        self.check_name(node, node.name)
        return self.node_contents_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        self.check_name(node, node.name)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.check_name(node, node.rest)
        for key in node.keys:
            if not _is_literal(key):
                self.error(key, messages.PATTERN_VALUE)
        node.patterns = self.visit_all(node.patterns)
        return node

    def visit_MatchSequence(self, node: ast.MatchSequence) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_MatchOr(self, node: ast.MatchOr) -> ast.AST:
        """Turn alternatives with dotted names into comparisons if all are plain values."""
        if all(isinstance(choice, ast.MatchValue) for choice in node.patterns):
            values = [choice.value for choice in node.patterns if isinstance(choice, ast.MatchValue)]
            if not all(_is_literal(value) for value in values):
                return self._compare(node, values)
        outer, self._comparisons = self._comparisons, None
        node.patterns = self.visit_all(node.patterns)
        self._comparisons = outer
        return node

    def visit_MatchSingleton(self, node: ast.MatchSingleton) -> ast.AST:
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node if _is_literal(node.value) else self._compare(node, [node.value])

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        if node.kwd_attrs:
            self.error(node, messages.PATTERN_KEYWORDS)
        elif not isinstance(node.cls, ast.Name) or (node.patterns and not self._is_plain(node)):
            self.error(node, messages.PATTERN_CLASS)
        return self.node_contents_visit(node)

    def _is_plain(self, node: ast.MatchClass) -> bool:
        name = getattr(node.cls, "id", "")
        return name in PLAIN and name not in self.bound and len(node.patterns) == 1

    def _compare(self, node: ast.pattern, values: list[ast.expr]) -> ast.AST:
        if self._comparisons is None:
            self.error(node, messages.PATTERN_VALUE)
            return node
        name = self.gen_tmp_name()
        choices: list[ast.expr] = [
            ast.Compare(ast.Name(name, ast.Load()), [ast.Eq()], [self.visit(value)]) for value in values
        ]
        comparison = choices[0] if len(choices) == 1 else ast.BoolOp(ast.Or(), choices)
        self._comparisons.append(_located(comparison, node))
        return _located(ast.MatchAs(name=name), node)


def _is_literal(node: ast.expr) -> bool:
    """Say whether a value is a literal: a constant, a negative number, or a complex one."""
    if isinstance(node, ast.BinOp):
        return _is_literal(node.left) and _is_literal(node.right)
    return isinstance(node.operand if isinstance(node, ast.UnaryOp) else node, ast.Constant)


def _located(new: _Node, old: Any) -> _Node:
    copy_locations(new, old.pattern if isinstance(old, ast.match_case) else old)  # type: ignore[arg-type]
    return new
