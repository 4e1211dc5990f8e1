"""Measuring more comments than memory holds: rows are brought together by key on disk, a part at a time.

Every signal is a sum over authors, threads, texts or posts (`plaudit.signals`), so it is enough that each
part holds all rows of some of them. Results are those of measuring everything at once, to the byte.
"""
