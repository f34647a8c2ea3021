"""Words before a number that say what it is: `tel`, `order`, `version`. Only ambiguous forms look at them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

__all__ = ["KEY_BYTES", "OTHER", "PHONE", "SSN", "VERSION", "WIDE_KEY_BYTES", "word_kinds"]

KEY_BYTES = 8
"""How much of a word is compared: a word of more bytes stands for all words that begin as it does."""
WIDE_KEY_BYTES = 6
"""The same for a word that begins with a character of three bytes: Chinese and Japanese put no spaces between words."""

PHONE, SSN, VERSION, OTHER = 1, 2, 3, 4

_WORDS = {
    PHONE: """
        phone phones telephone tel tele cell cellphone cellular mobile mob fax call calls calling called caller dial
        ring whatsapp sms hotline helpline landline contact reach pager
        telefon telefonnummer handy handynummer festnetz rufnummer mobil mobilnummer anruf anrufen rufen hotline
        téléphone portable appeler appelez appel joindre tél telefono teléfono móvil movil celular llamar llame llámame
        tlf tfno tfn llamada telefonare cellulare cell chiamare chiamate chiama chiami chiamami recapito
        telefone telemóvel ligue ligar liga telefoon telefoonnummer mobiel bel bellen gsm
        komórka komórkowy kom numertelefonu zadzwoń dzwoń dzwonić telefonu telefonem telefonicznie
        телефон тел мобильный звоните звонить 電話 携帯 連絡先 电话 手机 전화
    """,
    SSN: "ssn ssns ssn social security",
    VERSION: """
        version versions versión versione versie wersja ver release releases build builds firmware patch upgrade
        section sections chapter clause paragraph annex windows oid snmp
    """,
    OTHER: """
        order orders ordered invoice receipt ref reference serial ticket tracking shipment parcel sku part item items
        article model account acct case claim policy batch id ids uid code codes isbn issn ean upc gtin asin doi
        pmid arxiv patent hash checksum commit sha timestamp epoch unix zip postal plz vin license licence permit
        transaction confirmation booking reservation flight member membership customer client employee product
        bestellung bestellnummer bestellnr auftrag auftragsnummer rechnung rechnungsnummer kundennummer artikelnummer
        sendungsnummer seriennummer vorgangsnummer aktenzeichen konto kontonummer kto blz
        commande facture référence dossier série siret siren pedido factura referencia expediente cuenta ordine fattura
        riferimento pratica conto bestelling factuur rekening klantnummer zamówienie faktura nip pesel regon krs
        encomenda fatura cpf cnpj nif cif dni vat ein latitude longitude lat lon lng coordinates coords coordenadas
        koordinaten coordonnées usd eur gbp
    """,
}


@cache
def word_kinds() -> Mapping[bytes, int]:
    """Return the kind of number that a word announces, by the first `KEY_BYTES` bytes of the word in lower case.

    Raises:
        ValueError: if two words of different kinds begin alike.
    """
    found: dict[bytes, int] = {}
    for kind, words in _WORDS.items():
        for word in words.split():
            encoded = word.encode()
            key = encoded[: KEY_BYTES if encoded[0] < 0xE0 else WIDE_KEY_BYTES]
            if found.setdefault(key, kind) != kind:
                raise ValueError(f"{word!r} of kind {kind} begins like a word of kind {found[key]}; drop one of them")
    return found
