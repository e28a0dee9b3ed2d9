"""How much of a delivery is read: nothing that a stranger sends may cost more than this."""

LARGEST_BODY = 1024 * 1024
"""In bytes; of a form with files without the files."""
DEEPEST = 50
"""Objects and lists inside each other, unpacked texts included."""
MOST_FIELDS = 1000
"""Names of a form body and answers of one event."""
MOST_PARTS = 1000
"""Of a multipart body, files included."""
MOST_EVENTS = 100
LONGEST_VALUE = 65_536
"""In characters; the rest of a longer answer is cut off, the lead is not lost for it."""
LONGEST_KEY = 200
"""In characters; for field types as well."""
LONGEST_LABEL = 2000
"""In characters; the text beside a consent box may be long, and is evidence."""
LONGEST_ID = 200
"""In characters; a longer id is replaced by its hash."""
