"""Feeds and pages as plain data; only a locked child, in which no skill runs, parses them.

reader      one document: its encoding, its format, the size of what is returned
feed        RSS, Atom and JSON Feed, by feedparser
repair      the mistakes of feeds that their parser is spared
dates       the dates of feeds
page        HTML, by selectolax
markup      the text of a tree or a piece of HTML
"""
