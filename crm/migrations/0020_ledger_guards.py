"""The books cannot be changed by any login: rows are written once, balance at commit, and follow their documents.

Also: what the invoice's status says is held against all that can settle it, and the wall around the new tables.
"""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

ONCE = (
    "crm_journalentry", "crm_ledgerposting", "crm_customercredit", "crm_creditapplication", "crm_refund",
    "crm_writeoff", "crm_reversal",
)  # fmt: skip
_ONCE = "".join(
    f"""
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION crm_no_truncate();
"""
    for table in ONCE
)
_FREE = "".join(f"DROP TRIGGER aa_guard ON {table}; DROP TRIGGER aa_truncate ON {table};\n" for table in ONCE)

BOOKS = """
CREATE FUNCTION crm_journalentry_begin() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.transaction_id := txid_current();
    RETURN NEW;
END $$;
CREATE TRIGGER ab_begin BEFORE INSERT ON crm_journalentry
    FOR EACH ROW EXECUTE FUNCTION crm_journalentry_begin();

CREATE TRIGGER ac_period BEFORE INSERT ON crm_journalentry
    FOR EACH ROW EXECUTE FUNCTION crm_period_row('legal_entity_id', 'posted_on');

CREATE FUNCTION crm_ledgerposting_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    entry crm_journalentry;
    account crm_ledgeraccount;
BEGIN
    SELECT * INTO entry FROM crm_journalentry WHERE id = NEW.entry_id;
    SELECT * INTO account FROM crm_ledgeraccount WHERE id = NEW.account_id;
    IF entry.transaction_id IS DISTINCT FROM txid_current() THEN
        RAISE EXCEPTION 'journal entry % is closed', NEW.entry_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF account.legal_entity_id IS DISTINCT FROM entry.legal_entity_id OR account.kind IS DISTINCT FROM NEW.kind
       OR (NEW.customer_id IS NOT NULL AND NEW.customer_id <> entry.customer_id) THEN
        RAISE EXCEPTION 'the posting does not fit its entry or its account'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_ledgerposting
    FOR EACH ROW EXECUTE FUNCTION crm_ledgerposting_guard();

CREATE FUNCTION crm_entry_check(entry bigint) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM crm_ledgerposting WHERE entry_id = entry) THEN
        RAISE EXCEPTION 'journal entry % has no postings', entry
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_journalentry_balanced';
    END IF;
    IF EXISTS (SELECT 1 FROM crm_ledgerposting WHERE entry_id = entry
                GROUP BY currency HAVING sum(debit) <> sum(credit))
       OR EXISTS (SELECT 1 FROM crm_ledgerposting WHERE entry_id = entry
                  HAVING sum(base_debit) <> sum(base_credit)
                      OR count(base_debit) NOT IN (0, count(*)) OR count(base_credit) NOT IN (0, count(*))) THEN
        RAISE EXCEPTION 'journal entry % does not balance', entry
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_journalentry_balanced';
    END IF;
END $$;
CREATE FUNCTION crm_entry_balanced() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM crm_entry_check(CASE TG_TABLE_NAME WHEN 'crm_journalentry' THEN (to_jsonb(NEW)->>'id')::bigint
                                 ELSE (to_jsonb(NEW)->>'entry_id')::bigint END);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER zz_balanced AFTER INSERT ON crm_journalentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crm_entry_balanced();
CREATE CONSTRAINT TRIGGER zz_balanced AFTER INSERT ON crm_ledgerposting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crm_entry_balanced();

CREATE FUNCTION crm_ledgeraccount_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    loose text[] := ARRAY['external_number', 'version', 'updated_at'];
BEGIN
    IF (to_jsonb(NEW) - loose) IS DISTINCT FROM (to_jsonb(OLD) - loose) THEN
        RAISE EXCEPTION 'account % keeps its kind and code', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE ON crm_ledgeraccount FOR EACH ROW EXECUTE FUNCTION crm_ledgeraccount_guard();

CREATE FUNCTION crm_books_currency_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM crm_journalentry WHERE legal_entity_id = OLD.id) THEN
        RAISE EXCEPTION 'the books of % are kept in %', OLD.name, OLD.currency
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_books_currency BEFORE UPDATE OF currency ON crm_legalentity FOR EACH ROW
    WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION crm_books_currency_guard();
"""
CLOSE_BOOKS = """
DROP TRIGGER ab_begin ON crm_journalentry;
DROP TRIGGER ac_period ON crm_journalentry;
DROP TRIGGER ab_fits ON crm_ledgerposting;
DROP TRIGGER zz_balanced ON crm_journalentry;
DROP TRIGGER zz_balanced ON crm_ledgerposting;
DROP TRIGGER aa_guard ON crm_ledgeraccount;
DROP TRIGGER ab_books_currency ON crm_legalentity;
DROP FUNCTION crm_journalentry_begin();
DROP FUNCTION crm_ledgerposting_guard();
DROP FUNCTION crm_entry_balanced();
DROP FUNCTION crm_entry_check(bigint);
DROP FUNCTION crm_ledgeraccount_guard();
DROP FUNCTION crm_books_currency_guard();
"""

# Money of customers: each row fits what it names, and nothing is used twice.
MONEY = """
CREATE OR REPLACE FUNCTION crm_payment_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM crm_invoice i WHERE i.id = NEW.invoice_id AND i.number IS NOT NULL
           AND i.kind <> 'credit_note' AND i.customer_id = NEW.customer_id
           AND (i.currency = NEW.currency) = (NEW.rate IS NULL)
    ) THEN
        RAISE EXCEPTION 'a payment belongs to an issued invoice of the same customer and currency, or has a rate'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION crm_customercredit_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.invoice_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM crm_invoice i WHERE i.id = NEW.invoice_id AND i.number IS NOT NULL
           AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency
           AND i.legal_entity_id = NEW.legal_entity_id)
       OR NEW.payment_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM crm_payment p WHERE p.id = NEW.payment_id AND p.invoice_id = NEW.invoice_id)
       OR NEW.credit_note_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM crm_invoice n WHERE n.id = NEW.credit_note_id AND n.corrects_id = NEW.invoice_id) THEN
        RAISE EXCEPTION 'the customer credit does not fit where it comes from'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_customercredit
    FOR EACH ROW EXECUTE FUNCTION crm_customercredit_guard();

CREATE FUNCTION crm_credit_left(held bigint) RETURNS numeric
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    credit crm_customercredit;
BEGIN
    SELECT * INTO credit FROM crm_customercredit WHERE id = held FOR UPDATE;
    IF EXISTS (SELECT 1 FROM crm_reversal r WHERE r.credit_id = held OR r.payment_id = credit.payment_id) THEN
        RETURN 0;
    END IF;
    RETURN credit.amount
        - (SELECT coalesce(sum(a.amount), 0) FROM crm_creditapplication a WHERE a.credit_id = held
            AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.application_id = a.id))
        - (SELECT coalesce(sum(f.amount), 0) FROM crm_refund f WHERE f.credit_id = held
            AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id));
END $$;

CREATE FUNCTION crm_creditapplication_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM crm_customercredit c JOIN crm_invoice i ON i.id = NEW.invoice_id
         WHERE c.id = NEW.credit_id AND i.number IS NOT NULL AND i.kind <> 'credit_note'
           AND c.customer_id = NEW.customer_id AND i.customer_id = NEW.customer_id
           AND c.currency = NEW.currency AND i.currency = NEW.currency AND c.legal_entity_id = i.legal_entity_id) THEN
        RAISE EXCEPTION 'a credit settles invoices of its own customer, legal entity and currency'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF crm_credit_left(NEW.credit_id) < NEW.amount THEN
        RAISE EXCEPTION 'more is applied than is left of the credit' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_creditapplication
    FOR EACH ROW EXECUTE FUNCTION crm_creditapplication_guard();

CREATE FUNCTION crm_refund_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.credit_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM crm_customercredit c WHERE c.id = NEW.credit_id AND c.customer_id = NEW.customer_id
           AND c.currency = NEW.currency)
       OR NEW.payment_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM crm_payment p JOIN crm_invoice i ON i.id = p.invoice_id
         WHERE p.id = NEW.payment_id AND p.customer_id = NEW.customer_id AND i.currency = NEW.currency) THEN
        RAISE EXCEPTION 'the refund does not fit what it pays back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.credit_id IS NOT NULL AND crm_credit_left(NEW.credit_id) < NEW.amount THEN
        RAISE EXCEPTION 'more is refunded than is left of the credit' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.payment_id IS NOT NULL AND NEW.amount > (
        SELECT coalesce(p.settled_amount, p.amount)
             - coalesce((SELECT s.amount FROM crm_customercredit s WHERE s.payment_id = p.id), 0)
             - coalesce((SELECT sum(f.amount) FROM crm_refund f WHERE f.payment_id = p.id
                AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id)), 0)
          FROM crm_payment p WHERE p.id = NEW.payment_id
           AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = p.id)) IS NOT FALSE THEN
        RAISE EXCEPTION 'more is refunded than was paid' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_refund FOR EACH ROW EXECUTE FUNCTION crm_refund_guard();

CREATE FUNCTION crm_writeoff_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM crm_invoice i WHERE i.id = NEW.invoice_id AND i.number IS NOT NULL AND i.kind <> 'credit_note'
           AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency) THEN
        RAISE EXCEPTION 'what is written off is owed on an issued invoice'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_writeoff FOR EACH ROW EXECUTE FUNCTION crm_writeoff_guard();

CREATE FUNCTION crm_reversal_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.customer_id IS DISTINCT FROM coalesce(
        (SELECT customer_id FROM crm_payment WHERE id = NEW.payment_id),
        (SELECT customer_id FROM crm_customercredit WHERE id = NEW.credit_id AND kind = 'deposit'),
        (SELECT customer_id FROM crm_creditapplication WHERE id = NEW.application_id),
        (SELECT customer_id FROM crm_refund WHERE id = NEW.refund_id),
        (SELECT customer_id FROM crm_writeoff WHERE id = NEW.write_off_id)) THEN
        RAISE EXCEPTION 'the reversal does not fit what it takes back'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM crm_customercredit c
                WHERE (c.id = NEW.credit_id OR c.payment_id = NEW.payment_id) AND crm_credit_left(c.id) <> c.amount)
       OR EXISTS (SELECT 1 FROM crm_refund f WHERE f.payment_id = NEW.payment_id
                AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id)) THEN
        RAISE EXCEPTION 'what was used already cannot be reversed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_fits BEFORE INSERT ON crm_reversal FOR EACH ROW EXECUTE FUNCTION crm_reversal_guard();
"""
FREE_MONEY = """
DROP TRIGGER ab_fits ON crm_customercredit;
DROP TRIGGER ab_fits ON crm_creditapplication;
DROP TRIGGER ab_fits ON crm_refund;
DROP TRIGGER ab_fits ON crm_writeoff;
DROP TRIGGER ab_fits ON crm_reversal;
DROP FUNCTION crm_customercredit_guard();
DROP FUNCTION crm_creditapplication_guard();
DROP FUNCTION crm_refund_guard();
DROP FUNCTION crm_writeoff_guard();
DROP FUNCTION crm_reversal_guard();
DROP FUNCTION crm_credit_left(bigint);
CREATE OR REPLACE FUNCTION crm_payment_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM crm_invoice i WHERE i.id = NEW.invoice_id AND i.number IS NOT NULL
           AND i.kind <> 'credit_note' AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'a payment belongs to an issued invoice of the same customer and currency'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
OWN = f"customer_id = ANY ({CUSTOMER_IDS})"


class Migration(migrations.Migration):
    """Guards of the books and of customers' money."""

    dependencies = [("crm", "0019_ledger")]

    operations = [
        migrations.RunSQL(_ONCE, _FREE),
        migrations.RunSQL(BOOKS, CLOSE_BOOKS),
        migrations.RunSQL(MONEY, FREE_MONEY),
        ClientPolicy("JournalEntry", OWN),
        ClientPolicy("LedgerPosting", OWN),
        ClientPolicy("CustomerCredit", OWN),
        ClientPolicy("CreditApplication", OWN),
        ClientPolicy("Refund", OWN),
        ClientPolicy("WriteOff", OWN),
        ClientPolicy("Reversal", OWN),
    ]
