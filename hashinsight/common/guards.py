"""Triggers that nobody but the owner of the tables can silence: what is set right after each ``migrate``.

Two ways round a trigger stay open to a login that owns nothing. The library that writes our history triggers lets
each of them be skipped by a session setting, and a temporary table hides the real one of the same name from a
trigger function without a search path of its own. Every new trigger brings the first way back, so it is closed
after every run of ``migrate``, and a system check looks whether it is.

A third way would be to write history by hand. So only the triggers write it: their functions run with the rights
of the owner, and the logins that own nothing may only read the history and the contexts beside it.
"""

from typing import Any

from django.db import connections

from hashinsight.common.scoping import STAFF_ROLE

NEVER_SKIP = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT false'
"""
# Functions written in PL/pgSQL look names up when they run; temporary tables come last in this path.
SEARCH_PATH = "search_path=public, pg_temp"
OPEN = """
SELECT p.oid::regprocedure::text
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'plpgsql'
   AND (p.proname = '_pgtrigger_should_ignore' OR NOT coalesce(p.proconfig, '{}') @> ARRAY[%s])
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
 ORDER BY 1
"""
# Functions behind triggers that write a history table, and the one that writes the context of such a row.
_WRITERS = """
SELECT p.oid::regprocedure::text, p.prosecdef
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace
   AND (p.proname = '_pgh_attach_context'
        OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgfoid = p.oid AND p.prosrc LIKE '%%_pgh_attach_context%%'))
 ORDER BY 1
"""
# History tables are known by their columns: a new one is among them at once.
_HISTORY = """
SELECT c.oid::regclass::text, has_table_privilege(%s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname = 'pghistory_context'
        OR (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
               AND a.attname IN ('pgh_id', 'pgh_label', 'pgh_created_at')) = 3)
 ORDER BY 1
"""
# A context is written once. Without this, a session that names an old one could change who did what.
_KEEP_CONTEXTS = """
CREATE OR REPLACE FUNCTION public.hashinsight_keep_context() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.created_at = now() THEN
        RETURN NEW;  -- written in this very transaction
    END IF;
    RAISE EXCEPTION 'contexts of the history are never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER keep_context BEFORE UPDATE OR DELETE ON public.pghistory_context
    FOR EACH ROW EXECUTE FUNCTION public.hashinsight_keep_context()
"""


def open_functions(using: str = "default") -> list[str]:
    """Functions behind triggers that a session setting or a temporary table could lead astray."""
    with connections[using].cursor() as cursor:
        cursor.execute(OPEN, [SEARCH_PATH])
        return [name for (name,) in cursor.fetchall()]


def history_tables(using: str = "default") -> list[str]:
    """The tables the history triggers write to, and the one of the contexts."""
    with connections[using].cursor() as cursor:
        cursor.execute(_HISTORY, [STAFF_ROLE])
        return [name for name, _writable in cursor.fetchall()]


def open_history(using: str = "default") -> list[str]:
    """History tables the application could write by hand, and functions that would make it have to."""
    with connections[using].cursor() as cursor:
        cursor.execute(_HISTORY, [STAFF_ROLE])
        found = [name for name, writable in cursor.fetchall() if writable]
        cursor.execute(_WRITERS)
        return found + [name for name, as_owner in cursor.fetchall() if not as_owner]


def close_guards(using: str = "default") -> None:
    """Close all ways; safe to run again. Must run as the login that owns the functions."""
    with connections[using].cursor() as cursor:
        cursor.execute(NEVER_SKIP)
        _close_history(cursor)
        for function in open_functions(using):
            cursor.execute(f"ALTER FUNCTION {function} SET search_path = public, pg_temp")


def _close_history(cursor: Any) -> None:
    cursor.execute(_WRITERS)
    for function, as_owner in cursor.fetchall():
        if not as_owner:
            cursor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER")
    cursor.execute(_HISTORY, [STAFF_ROLE])
    tables = [name for name, writable in cursor.fetchall() if writable]
    if tables:
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {', '.join(tables)} FROM {STAFF_ROLE}")
    cursor.execute("SELECT to_regclass('public.pghistory_context') IS NOT NULL")
    if cursor.fetchone()[0]:
        cursor.execute(_KEEP_CONTEXTS)
