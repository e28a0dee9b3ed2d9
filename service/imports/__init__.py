"""Imports: contacts out of files, CSV and XLSX, many at a time (rules 5 to 7).

In the order of time: `reading` turns an uploaded file into parts of rows, once; `files` keeps them; `wanted` is what
somebody asks for; `estimating` says what it would come to; `starting` begins it; `applying` does it, step by step,
with `rows` and `drafts`.

Nothing is imported here: `reading` runs in a process of its own, which is to begin at once.
"""
