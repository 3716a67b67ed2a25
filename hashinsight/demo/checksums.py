"""Numbers that look right: account numbers and VAT ids with their check digits."""


def iban(country: str, account: str) -> str:
    """``country`` and account part with the two check digits of ISO 13616, in groups of four."""
    as_digits = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    whole = f"{country}{98 - int(as_digits) % 97:02d}{account}"
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))


def german_vat_id(eight: str) -> str:
    """DE, eight digits and the check digit of ISO 7064 (mod 11, 10)."""
    product = 10
    for digit in eight:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return f"DE{eight}{(11 - product) % 10}"
