"""Files as streams: read line by line or row by row, checked as they pass, written whole or not at all."""

from menura.files.ids import Ids
from menura.files.lines import json_lines, lines
from menura.files.places import content_digest, data_files, locate, table_files
from menura.files.rows import Row, rows
from menura.files.writing import (
    whole_file,
    whole_folder,
    write_csv,
    write_json,
    write_json_lines,
    write_lines,
    write_table,
)

__all__ = [
    "Ids",
    "Row",
    "content_digest",
    "data_files",
    "json_lines",
    "lines",
    "locate",
    "rows",
    "table_files",
    "whole_file",
    "whole_folder",
    "write_csv",
    "write_json",
    "write_json_lines",
    "write_lines",
    "write_table",
]
