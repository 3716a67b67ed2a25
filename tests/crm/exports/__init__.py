"""Tests of the files for accounting."""
