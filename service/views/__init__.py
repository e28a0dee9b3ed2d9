"""Contacts in pages: all of them, those who match a filter, and saved views; and the indexes that make it quick."""

from service.views.indexing import INDEX_PROPERTY, Indexing, PropertyIndexer
from service.views.saved import SavedViews
from service.views.searching import Asked, Listed, Page, Sort, Total, list_contacts, search

__all__ = [
    "INDEX_PROPERTY",
    "Asked",
    "Indexing",
    "Listed",
    "Page",
    "PropertyIndexer",
    "SavedViews",
    "Sort",
    "Total",
    "list_contacts",
    "search",
]
