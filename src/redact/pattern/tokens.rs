//! The shapes of tokens, one row a service. Facts from the services' own pages and from the rule
//! lists of gitleaks, trufflehog and noseyparker.
//!
//! What a row cannot say exactly, [`super::random`] finds by its randomness.

use crate::redact::span::Rule;

/// A row: the rule, and its forms. A form begins with the letters by which it is found.
pub(in crate::redact) struct Token {
    pub rule: Rule,
    pub forms: &'static [&'static str],
    /// May follow a letter or digit (most tokens may not).
    pub inside: bool,
}

const fn token(id: &'static str, about: &'static str, forms: &'static [&'static str]) -> Token {
    kind(id, "token", about, forms)
}

const fn key(id: &'static str, about: &'static str, forms: &'static [&'static str]) -> Token {
    kind(id, "key", about, forms)
}

const fn hash(id: &'static str, about: &'static str, forms: &'static [&'static str]) -> Token {
    let mut row = kind(id, "hash", about, forms);
    row.inside = true;
    row
}

const fn url(id: &'static str, about: &'static str, forms: &'static [&'static str]) -> Token {
    let mut row = kind(id, "webhook", about, forms);
    row.inside = true;
    row
}

const fn kind(id: &'static str, kind: &'static str, about: &'static str, forms: &'static [&'static str]) -> Token {
    Token { rule: Rule { id, kind, about, yes: forms, no: &[] }, forms, inside: false }
}

/// Every row.
pub(in crate::redact) static TOKENS: &[Token] = &[
    token("github", "GitHub tokens", &["ghp_{a30}", "gho_{a30}", "ghu_{a30}", "ghs_{a30}", "ghr_{a30}", "github_pat_{v40}"]),
    token("gitlab", "GitLab tokens", &[
        "glpat-{v18}", "glptt-{v18}", "gldt-{v18}", "glrt-{v18}", "glrtr-{v18}", "glcbt-{v18}", "glft-{v18}", "glsoat-{v18}",
        "glimt-{v18}", "glagent-{v18}", "gloas-{v18}", "GR1348941{v18}", "_gitlab_session={h32}",
    ]),
    token("slack", "Slack tokens", &["xoxb-{v10}", "xoxp-{v10}", "xoxa-{v10}", "xoxr-{v10}", "xoxs-{v10}", "xoxc-{v10}", "xoxe.{o10}", "xoxe-{v10}", "xapp-{v20}", "xoxd-{p20}", "xwfp-{v10}"]),
    key("openai", "OpenAI, Anthropic, OpenRouter and DeepSeek keys", &["sk-{a20}", "sk-proj-{v20}", "sk-svcacct-{v20}", "sk-admin-{v20}", "sk-ant-{v20}", "sk-or-{v20}", "sk-None-{v20}", "sk-lf-{v20}", "pk-lf-{v20}", "sess-{a36}"]),
    token("hugging-face", "Hugging Face tokens", &["hf_{a30}", "api_org_{a30}"]),
    key("model-services", "keys of Groq, xAI, Replicate, Perplexity, NVIDIA, Fireworks, Pinecone, Cohere and others", &[
        "gsk_{a40}", "xai-{a40}", "r8_{a30}", "pplx-{a40}", "nvapi-{v40}", "fw_{a20}", "pcsk_{v40}", "tvly-{v20}", "fc-{h32}", "jina_{v40}",
        "csk-{a40}", "esecret_{a20}", "dsp_{a30}", "lsv2_pt_{v32}", "lsv2_sk_{v32}", "ls__{a32}", "tgp_v1_{v30}", "voy-{v30}", "pa-{v40}", "co_{a40}", "bfl-{v30}", "eleven_{a30}",
    ]),
    key("aws", "AWS access key ids and Bedrock keys", &["AKIA{u16}", "ASIA{u16}", "ABIA{u16}", "ACCA{u16}", "ABSK{b100}", "bedrock-api-key-{b40}"]),
    key("google", "Google keys, OAuth secrets and tokens", &["AIza{v30}", "GOCSPX-{v24}", "ya29.{o20}", "1//0{v30}", "AQ.Ab{v40}"]),
    key("azure", "Azure client secrets and keys", &["AccountKey=¦{b40}", "SharedAccessKey=¦{b40}", "SharedAccessSignature=¦{p40}", "AzCa{a60}", "azd{a80}"]),
    token("digitalocean", "DigitalOcean tokens", &["dop_v1_{h60}", "doo_v1_{h60}", "dor_v1_{h60}"]),
    token("hosting", "tokens of Fly.io, Vercel, Netlify, Heroku, Render, Railway, Supabase, PlanetScale, Neon, Scalingo", &[
        "fo1_{v40}", "fm1r_{b40}", "fm2_{b40}", "FlyV1 {p40}", "nfp_{a30}", "nfc_{a30}", "vcp_{v20}", "vercel_blob_rw_{v20}", "HRKU-{v30}", "rnd_{a28}", "sbp_{l36}",
        "sb_secret_{v20}", "pscale_tkn_{o30}", "pscale_oauth_{o30}", "pscale_pw_{o30}", "napi_{l40}", "tk-us-{v40}", "ops_eyJ{b100}", "koyeb_{v30}", "hcloud_{a40}", "cio_{v40}",
    ]),
    key("cloudflare", "Cloudflare keys", &["v1.0-{h20}-{h100}", "cfut_{v30}", "cfat_{v30}", "cfk_{v30}"]),
    token("docker", "Docker Hub tokens", &["dckr_pat_{v20}", "dckr_oat_{v20}", "SWMTKN-1-{l40}-{l20}", "SWMKEY-1-{b40}"]),
    token("packages", "tokens of npm, PyPI, RubyGems, crates.io, NuGet, Clojars, JFrog", &[
        "npm_{a30}", "pypi-{v60}", "rubygems_{h40}", "cio{a32=}", "oy2{l43}", "CLOJARS_{l50}", "AKCp{a60}", "cmVmdGtuO{b40}", "NpmToken.{v20}", "hex_{a40}",
    ]),
    key("stripe", "Stripe keys", &["sk_live_{a10}", "sk_test_{a10}", "rk_live_{a10}", "rk_test_{a10}", "whsec_{b24}", "sk_prod_{a10}", "rk_prod_{a10}"]),
    token("shops", "tokens of Shopify, Square, PayPal, Flutterwave, Shippo, EasyPost, Duffel, Razorpay, Paystack", &[
        "shpat_{x30}", "shpca_{x30}", "shppa_{x30}", "shpss_{x30}", "sq0atp-{v20}", "sq0csp-{v40}", "EAAAl{v50}", "sq0idp-{v20}", "access_token$production${l16}${h32}",
        "FLWSECK-{v20}", "FLWSECK_TEST-{v10}", "FLWSECK_PROD-{v10}", "shippo_live_{h40}", "shippo_test_{h40}", "EZAK{a54}", "EZTK{a54}", "duffel_live_{v40}", "duffel_test_{v40}", "rzp_live_{a14}", "rzp_test_{a14}",
    ]),
    token("mail", "keys of SendGrid, Mailgun, Mailchimp, Brevo, Postmark, Resend, Courier", &[
        "SG.{v16}.{v30}", "key-{h32}", "xkeysib-{h60}-{a16}", "xsmtpsib-{h60}-{a16}", "re_{v24}", "pk_prod_{a24}", "sib-{h40}", "mlsn.{h60}",
    ]),
    token("chat", "tokens of Telegram, Discord, Teams, Line, Matrix, Mattermost", &["mfa.{v80}", "syt_{v10}_{v10}_{a6}", "ntn_{a40}", "secret_{a40}"]),
    token("monitoring", "keys of Grafana, New Relic, Datadog, Sentry, PostHog, Dynatrace, Honeycomb, Sumo, Logz", &[
        "glsa_{a30}_{x8}", "glc_{b40}", "NRAK-{u20}", "NRRA-{h40}", "NRII-{v30}", "NRJS-{h18}", "sntrys_{b40}", "sntryu_{h60}", "phx_{v40}", "phs_{v40}", "dt0c01.{u20}.{u50}", "dt0s16.{u8}.{u50}",
        "hcaik_{a40}", "hcalk_{a40}", "ddapi_{a30}", "lsk_{a30}", "api-{u20}", "sgp_{x40}", "squ_{h38}", "sqp_{h38}", "sqa_{h38}", "hcp_{a30}",
    ]),
    token("vault", "HashiCorp Vault and Terraform tokens", &["hvs.{v20}", "hvb.{v60}", "hvr.{v60}", "TFRegistry-{v20}"]),
    token("vpn", "Tailscale, ngrok and Twingate keys", &["tskey-{v20}", "nrp_{a30}", "cr_{a26}", "nbp_{a30}", "ZT{a30}"]),
    token("work", "tokens of Atlassian, Linear, Notion, Asana, Airtable, Figma, ClickUp, Doppler, Postman, Typeform", &[
        "ATATT3{v60}", "ATBB{v20}", "ATCTT3{v60}", "ATSTT3{v60}", "BBDC-{b40}", "lin_api_{a30}", "lin_oauth_{h60}", "secret_{a43}", "pat{a14=}.{h60}", "figd_{v30}", "pk_{d6}_{u30}", "dp.pt.{a40}", "dp.st.{o40}",
        "dp.ct.{a40}", "dp.sa.{a40}", "dp.scim.{a40}", "dp.audit.{a40}", "PMAK-{h24}-{h34}", "tfp_{v40}", "rdme_{l60}", "pnu_{a30}", "pul-{h36}", "dapi{h32}", "ddp_{a30}", "sm_pat_{a16}", "sm_aat_{a16}", "sm_sat_{a16}", "fio-u-{v40}",
        "b_{l40}", "prefect_{a30}", "waka_{x30}", "aio_{a24}", "API-{u24}", "p8e-{l30}", "ATTA{x60}", "1000.{h32=}.{h32=}", "nsec1{l50}", "xprv{a80}", "shortcut_{v30}", "cal_live_{h30}", "rpa_{a30}", "sk_{a40}", "ak_{a40}", "ctp_{a30}", "ubi_{a30}", "wandb_v1_{v20}", "apify_api_{a30}", "sl.{v100}",
    ]),
    token("social", "tokens of Facebook, Twitter, Twitch, LinkedIn, Spotify", &["EAA{a60}", "EAAC{a40}", "EAAG{a40}", "WPL_AP1.{o20}"]),
    token("age", "age secret keys", &["AGE-SECRET-KEY-1¦{u30}", "AGE-PLUGIN-{v5}-1{u30}"]),
    token("1password", "1Password secret keys and service tokens", &["A3-{u6=}-{u6=}-{u5=}-{u5=}-{u5=}", "A3-{u6=}-{u11=}-{u5=}-{u5=}-{u5=}", "ops_{b100}"]),
    token("paseto", "PASETO tokens", &["v2.local.¦{o40}", "v3.local.¦{o40}", "v4.local.¦{o40}", "v1.local.¦{o40}", "v2.public.¦{o60}", "v4.public.¦{o60}"]),
    token("notify", "ntfy, Gotify, Pushover and Home Assistant tokens", &["tk_{l25}", "pscript_{a30}", "PUSH{a40}"]),
    token("gzip-base64", "gzip in base64: it cannot be looked into", &["H4sI{b40}"]),
    url("slack-webhook", "Slack webhooks", &["hooks.slack.com/services/¦{p20}", "hooks.slack.com/workflows/¦{p20}", "hooks.slack.com/triggers/¦{p20}"]),
    url("discord-webhook", "Discord webhooks", &["discord.com/api/webhooks/{d10}/¦{v20}", "discordapp.com/api/webhooks/{d10}/¦{v20}"]),
    url("teams-webhook", "Teams webhooks", &["/IncomingWebhook/¦{h32}", "/IncomingWebhook/¦{v20}"]),
    url("other-webhook", "webhooks of Zapier, IFTTT, Make, Google Chat, healthchecks.io, Mattermost, n8n", &[
        "hooks.zapier.com/hooks/catch/¦{v6}/{v4}", "maker.ifttt.com/trigger/{v1}/with/key/¦{v10}", "maker.ifttt.com/trigger/{v1}/json/with/key/¦{v10}", "hook.make.com/¦{v20}", "hook.eu1.make.com/¦{v20}", "hook.us1.make.com/¦{v20}",
        "hc-ping.com/¦{v22}", "api.telegram.org/bot¦{d6}:{v30}", "/hooks/¦{l26}", "events.pagerduty.com/integration/¦{v20}", "alert.victorops.com/integrations/generic/{d1}/alert/¦{v20}", "api.opsgenie.com/v1/json/¦{v20}", "webhook.site/¦{v30}", "uptime.betterstack.com/api/v1/heartbeat/¦{a16}", "push.statuscake.com/?PK=¦{a8}",
    ]),
    hash("crypt", "password hashes as /etc/shadow and htpasswd keep them", &[
        "$2a${d2=}${c50}", "$2b${d2=}${c50}", "$2y${d2=}${c50}", "$2x${d2=}${c50}", "$apr1${c1}${c20}", "$$apr1$${c1}$${c20}", "$$2y$${d2=}$${c50}", "$$2a$${d2=}$${c50}", "$$2b$${d2=}$${c50}", "$1${c1}${c20}",
        "$5$¦{p40}", "$6$¦{p60}", "$y${p30}", "$7${p30}", "$gy${p30}", "$sha1${p30}", "$md5{p20}", "$P${c30}", "$H${c30}", "$S${c50}", "$argon2{q40}", "$pbkdf2{p40}", "$scrypt${p30}", "$ml${p40}", "$bcrypt-sha256${p40}", "$B${p30}", "$3$${h32}", "$8${p30}", "$9${p30}",
        "$NT${h32}", "$krb5{p30}", "$DCC2${p30}",
    ]),
    hash("framework-hash", "password hashes of web frameworks", &[
        "pbkdf2_sha256${d1}${p30}", "pbkdf2_sha1${d1}${p20}", "pbkdf2:sha256:{p40}", "pbkdf2:sha1:{p40}", "pbkdf2:sha512:{p40}", "scrypt:{d1}:{d1}:{d1}${p40}", "argon2$argon2{q40}", "bcrypt_sha256${p40}", "bcrypt${p40}", "grub.pbkdf2.sha512.{p40}", "sha1${v1}${h40}", "md5${v1}${h32}", "scrypt${p40}",
        "PBKDF2${p30}", "sha256${d1}${p30}", "sha512${v6}${p40}",
    ]),
    hash("scram", "PostgreSQL and MongoDB SCRAM verifiers", &["SCRAM-SHA-256${d1}:{p40}", "SCRAM-SHA-1${d1}:{p30}", "SCRAM-SHA-512${d1}:{p40}"]),
    hash("ldap", "LDAP password hashes", &[
        "{SSHA}{b20}", "{SHA}{b20}", "{SMD5}{b16}", "{MD5}{b16}", "{SSHA256}{b30}", "{SSHA512}{b40}", "{SHA256}{b30}", "{SHA512}{b40}", "{CRYPT}{p10}", "{PBKDF2}{p20}", "{PBKDF2-SHA256}{p20}", "{ARGON2}{p20}", "{SSHA384}{b30}",
        "{SHA512-CRYPT}{p20}", "{SHA256-CRYPT}{p20}", "{BLF-CRYPT}{p20}", "{ARGON2ID}{p20}", "{CRAM-MD5}{h40}", "{SCRAM-SHA-256}{p30}", "{bcrypt}{p30}", "{noop}{p1}", "{PLAIN}{p1}", "{CLEARTEXT}{p1}",
    ]),
];
