-- Clients by the beginning of a name or of a number. Byte by byte: in another order a range of text is no prefix.
CREATE INDEX client_name_begins ON client ((lower(name) COLLATE "C"), id);
CREATE INDEX client_phone_begins ON client_phone ((e164 COLLATE "C")) WHERE e164 IS NOT NULL;
CREATE INDEX contact_phone_begins ON contact_phone ((e164 COLLATE "C")) WHERE e164 IS NOT NULL;
