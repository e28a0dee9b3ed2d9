"""Marketable: takes in form submissions, decides marketing status, and keeps the billing count exact."""

__version__ = "0.1.0"
