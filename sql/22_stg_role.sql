-- model:   stg_role
-- purpose: Turns the words in which sources state a firm's role into ours.
-- grain:   one row per distinct wording
-- key:     role_text
-- reads:   raw_licence, raw_master_data, raw_site
-- columns:
--   role_text  as stated, lower case, blanks trimmed
--   role       maker, contract_packer, third_party_logistics, wholesaler, repackager,
--              parallel_trader, hospital, pharmacy, clinic, reverse_distributor, destruction,
--              customs, unknown
-- caveats: Decided by words in the text, the first that fits; a wording we do not know is unknown.
WITH stated AS (
    SELECT lower(trim(role)) AS role_text FROM raw_site
    UNION
    SELECT lower(trim(role)) FROM raw_licence
    UNION
    SELECT lower(trim(value))
    FROM raw_master_data
    WHERE lower(attribute)
        IN ('role', 'siterole', 'sitetype', 'partyrole', 'partytype', 'businessrole')
)
SELECT
    role_text,
    CASE
        WHEN regexp_matches(role_text, 'reverse|returns?\b') THEN 'reverse_distributor'
        WHEN regexp_matches(role_text, 'destr|incinerat|waste') THEN 'destruction'
        WHEN regexp_matches(role_text, 'customs') THEN 'customs'
        WHEN regexp_matches(role_text, 'parallel') THEN 'parallel_trader'
        WHEN regexp_matches(role_text, 're-?pack|re-?label|\bkit') THEN 'repackager'
        WHEN regexp_matches(role_text, '3pl|third.?party|logistic|carrier|forward|transport')
            THEN 'third_party_logistics'
        WHEN regexp_matches(role_text, 'contract|\bc[dm]?mo\b|co-?pack|^packer')
            THEN 'contract_packer'
        WHEN regexp_matches(
            role_text, 'manufactur|maker|\bmah\b|marketing.?auth|producer|brand.?owner')
            THEN 'maker'
        WHEN regexp_matches(role_text, 'hospital') THEN 'hospital'
        WHEN regexp_matches(role_text, 'clinic|practitioner|physician|doctor|health.?cent')
            THEN 'clinic'
        WHEN regexp_matches(role_text, 'pharmac|chemist|dispens|drug ?store|retail') THEN 'pharmacy'
        WHEN regexp_matches(role_text, 'wholesal|distribut|stockist') THEN 'wholesaler'
        ELSE 'unknown'
    END AS role
FROM stated
WHERE role_text <> ''
