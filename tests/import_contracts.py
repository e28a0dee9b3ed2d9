"""Two kinds of import contract that import-linter lacks. Both look at direct imports."""

import sys
from abc import abstractmethod
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _names() -> list[str]:
    """A field for module names. The linter puts the plain list in its place before a check."""
    return cast("list[str]", fields.ListField(subfield=fields.StringField()))


class _DirectImports(Contract):
    @abstractmethod
    def wrong_imports(self, graph: ImportGraph) -> set[tuple[str, str]]:
        """Pairs of the importing and the imported module."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - the linter's signature
        del verbose
        wrong = sorted(self.wrong_imports(graph))
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["wrong"]:
            output.print_error(f"- {importer} -> {imported}")
        output.new_line()


class StandardLibraryOnly(_DirectImports):
    """`packages` import themselves, `allowed` and the standard library."""

    packages = _names()
    allowed = _names()

    def wrong_imports(self, graph: ImportGraph) -> set[tuple[str, str]]:
        inside = _within(graph, self.packages)
        permitted = inside | _within(graph, self.allowed) | sys.stdlib_module_names
        return {
            (importer, imported)
            for importer in inside
            for imported in graph.find_modules_directly_imported_by(importer) - permitted
        }


class ImportedOnlyBy(_DirectImports):
    """`packages`, our own or not, are imported by `importers` and by themselves.

    The linter's own `protected` is refused for what nobody imports yet: it can't keep out the first import.
    """

    packages = _names()
    importers = _names()

    def wrong_imports(self, graph: ImportGraph) -> set[tuple[str, str]]:
        guarded = _within(graph, self.packages)
        permitted = guarded | _within(graph, self.importers)
        return {
            (importer, imported)
            for imported in guarded
            for importer in graph.find_modules_that_directly_import(imported) - permitted
        }


def _within(graph: ImportGraph, packages: list[str]) -> set[str]:
    """The modules of the graph that are one of `packages` or inside one."""
    return {
        module
        for module in graph.modules
        if any(module == package or module.startswith(f"{package}.") for package in packages)
    }
