#include "core/leaks/Patterns.h"

#include <array>

namespace sb::leaks {

namespace {

using A = Pattern::Alphabet;
using R = Pattern::Rule;

// Prefixes and lengths as the providers' documentation gives them; the more particular first.
constexpr Pattern fixed[] = {
    // Models.
    {"openai-key", "sk-", A::WordDash, 40, 220, 8, R::OpenAi},
    {"anthropic-key", "sk-ant-", A::WordDash, 20, 0, 8, R::Run},
    {"openrouter-key", "sk-or-v1-", A::Hex, 64, 64, 16, R::Run},
    {"api-key", "sk-", A::WordDash, 20, 0, 12, R::Run},
    {"groq-key", "gsk_", A::Alnum, 30, 80, 30, R::Run},
    {"xai-key", "xai-", A::WordDash, 30, 120, 20, R::Run},
    {"perplexity-key", "pplx-", A::Alnum, 40, 64, 40, R::Run},
    {"nvidia-key", "nvapi-", A::WordDash, 60, 80, 12, R::Run},
    {"huggingface-token", "hf_", A::Alnum, 30, 40, 30, R::Run},
    {"huggingface-token", "api_org_", A::Alnum, 34, 34, 30, R::Run},
    {"replicate-token", "r8_", A::Alnum, 37, 37, 30, R::Run},
    {"pinecone-key", "pcsk_", A::Word, 40, 90, 20, R::Run},
    {"langsmith-key", "lsv2_", A::Word, 40, 60, 20, R::Run},
    // Clouds.
    {"aws-key", "AKIA", A::Upper, 16, 16, 16, R::Run},
    {"aws-key", "ASIA", A::Upper, 16, 16, 16, R::Run},
    {"google-key", "AIza", A::WordDash, 35, 35, 8, R::Run},
    {"google-oauth", "GOCSPX-", A::WordDash, 28, 28, 8, R::Run},
    {"google-oauth", "ya29.", A::WordDash, 30, 0, 12, R::Run},
    {"azure-key", "AccountKey=", A::Base64, 60, 100, 12, R::Run},
    {"azure-key", "SharedAccessKey=", A::Base64, 40, 100, 12, R::Run},
    {"azure-key", "JQQJ99", A::Alnum, 40, 80, 30, R::Mark},
    {"digitalocean-token", "dop_v1_", A::Hex, 64, 64, 20, R::Run},
    {"digitalocean-token", "doo_v1_", A::Hex, 64, 64, 20, R::Run},
    {"digitalocean-token", "dor_v1_", A::Hex, 64, 64, 20, R::Run},
    {"heroku-key", "HRKU-", A::WordDash, 36, 80, 8, R::Run},
    {"cloudflare-key", "v1.0-", A::WordDash, 160, 200, 20, R::Run},
    {"alibaba-key", "LTAI", A::Alnum, 16, 20, 16, R::Run},
    {"planetscale-token", "pscale_", A::Dotted, 36, 60, 12, R::Run},
    {"supabase-key", "sbp_", A::Hex, 40, 40, 20, R::Run},
    {"supabase-key", "sb_secret_", A::WordDash, 30, 60, 8, R::Run},
    {"flyio-token", "fm2_", A::Base64, 60, 0, 12, R::Run},
    {"tailscale-key", "tskey-", A::WordDash, 30, 80, 10, R::Run},
    {"netlify-token", "nfp_", A::Alnum, 36, 40, 30, R::Run},
    {"render-key", "rnd_", A::Alnum, 28, 40, 28, R::Run},
    // Code and packages.
    {"github-token", "ghp_", A::Alnum, 30, 255, 30, R::Sum62},
    {"github-token", "gho_", A::Alnum, 30, 255, 30, R::Sum62},
    {"github-token", "ghu_", A::Alnum, 30, 255, 30, R::Sum62},
    {"github-token", "ghs_", A::Alnum, 30, 255, 30, R::Sum62},
    {"github-token", "ghr_", A::Alnum, 30, 255, 30, R::Sum62},
    {"github-token", "github_pat_", A::Word, 30, 0, 20, R::Run},
    {"gitlab-token", "glpat-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "gldt-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "glrt-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "glptt-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "glcbt-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "glsoat-", A::WordDash, 20, 0, 8, R::Run},
    {"gitlab-token", "GR1348941", A::WordDash, 20, 24, 8, R::Run},
    {"npm-token", "npm_", A::Alnum, 36, 36, 36, R::Sum62},
    {"pypi-token", "pypi-AgE", A::WordDash, 50, 0, 12, R::Run},
    {"dockerhub-token", "dckr_pat_", A::WordDash, 26, 40, 8, R::Run},
    {"dockerhub-token", "dckr_oat_", A::WordDash, 26, 40, 8, R::Run},
    {"rubygems-key", "rubygems_", A::Hex, 48, 48, 20, R::Run},
    {"crates-token", "cio", A::Alnum, 32, 32, 32, R::Run},
    {"nuget-key", "oy2", A::Alnum, 43, 43, 43, R::Run},
    {"clojars-token", "CLOJARS_", A::Hex, 60, 60, 20, R::Run},
    {"buildkite-token", "bkua_", A::Hex, 40, 40, 20, R::Run},
    {"circleci-token", "CCIPAT_", A::Word, 40, 90, 20, R::Run},
    {"sourcegraph-token", "sgp_", A::Word, 40, 70, 40, R::Run},
    {"pulumi-token", "pul-", A::Hex, 40, 40, 20, R::Run},
    {"terraform-token", ".atlasv1.", A::WordDash, 60, 70, 12, R::Mark},
    {"vault-token", "hvs.", A::WordDash, 24, 0, 12, R::Run},
    {"vault-token", "hvb.", A::WordDash, 24, 0, 12, R::Run},
    {"vault-token", "hvr.", A::WordDash, 24, 0, 12, R::Run},
    {"doppler-token", "dp.pt.", A::Alnum, 40, 44, 40, R::Run},
    {"doppler-token", "dp.st.", A::Dotted, 40, 80, 20, R::Run},
    {"doppler-token", "dp.ct.", A::Alnum, 40, 44, 40, R::Run},
    {"doppler-token", "dp.sa.", A::Alnum, 40, 44, 40, R::Run},
    {"onepassword-token", "ops_eyJ", A::Bearer, 200, 0, 12, R::Run},
    // Talk.
    {"slack-token", "xoxb-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xoxp-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xoxa-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xoxr-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xoxs-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xoxe-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-token", "xapp-", A::WordDash, 20, 0, 8, R::Run},
    {"slack-webhook", "hooks.slack.com/services/T", A::Bearer, 36, 60, 8, R::Run},
    {"discord-webhook", "discord.com/api/webhooks/", A::Bearer, 80, 110, 8, R::Run},
    {"teams-webhook", ".webhook.office.com/webhookb2/", A::Bearer, 80, 250, 8, R::Mark},
    {"telegram-token", ":AA", A::WordDash, 33, 33, 6, R::Telegram},
    {"sendgrid-key", "SG.", A::Dotted, 66, 66, 6, R::SendGrid},
    {"mailgun-key", "key-", A::Hex, 32, 32, 32, R::Run},
    {"brevo-key", "xkeysib-", A::WordDash, 81, 81, 20, R::Run},
    // Money and shops.
    {"stripe-key", "sk_live_", A::Alnum, 16, 0, 16, R::Run},
    {"stripe-key", "rk_live_", A::Alnum, 16, 0, 16, R::Run},
    {"stripe-key", "sk_test_", A::Alnum, 16, 0, 16, R::Run},
    {"stripe-key", "rk_test_", A::Alnum, 16, 0, 16, R::Run},
    {"stripe-key", "whsec_", A::Base64, 32, 64, 12, R::Run},
    {"shopify-token", "shpat_", A::Hex, 32, 32, 32, R::Run},
    {"shopify-token", "shpca_", A::Hex, 32, 32, 32, R::Run},
    {"shopify-token", "shppa_", A::Hex, 32, 32, 32, R::Run},
    {"shopify-token", "shpss_", A::Hex, 32, 32, 32, R::Run},
    {"square-token", "EAAA", A::WordDash, 60, 60, 12, R::Run},
    {"square-token", "sq0atp-", A::WordDash, 22, 22, 8, R::Run},
    {"square-token", "sq0csp-", A::WordDash, 43, 43, 8, R::Run},
    {"easypost-key", "EZAK", A::Alnum, 54, 54, 20, R::Run},
    {"shippo-token", "shippo_live_", A::Hex, 40, 40, 20, R::Run},
    // Work.
    {"atlassian-token", "ATATT3", A::Bearer, 60, 260, 12, R::Run},
    {"atlassian-token", "ATCTT3", A::Bearer, 60, 260, 12, R::Run},
    {"linear-key", "lin_api_", A::Alnum, 40, 40, 40, R::Run},
    {"linear-key", "lin_oauth_", A::Alnum, 40, 64, 40, R::Run},
    {"notion-token", "ntn_", A::Alnum, 40, 50, 40, R::Run},
    {"notion-token", "secret_", A::Alnum, 43, 43, 43, R::Run},
    {"databricks-token", "dapi", A::Hex, 32, 34, 32, R::Run},
    {"figma-token", "figd_", A::WordDash, 36, 60, 8, R::Run},
    {"postman-key", "PMAK-", A::WordDash, 59, 59, 24, R::Run},
    {"grafana-token", "glsa_", A::Word, 41, 41, 30, R::Run},
    {"grafana-token", "glc_eyJ", A::Base64, 30, 400, 12, R::Run},
    {"newrelic-key", "NRAK-", A::Upper, 27, 27, 27, R::Run},
    {"sentry-token", "sntrys_", A::Bearer, 60, 0, 12, R::Run},
    {"sentry-token", "sntryu_", A::Hex, 64, 64, 20, R::Run},
    {"dynatrace-token", "dt0c01.", A::Dotted, 89, 89, 20, R::Run},
    {"contentful-token", "CFPAT-", A::WordDash, 43, 43, 8, R::Run},
    {"typeform-token", "tfp_", A::WordDash, 44, 60, 8, R::Run},
    // Of no provider.
    {"age-key", "AGE-SECRET-KEY-1", A::Upper, 58, 58, 8, R::Age},
    {"private-key", "-----BEGIN ", A::Base64, 0, 0, 0, R::Pem},
    {"web-token", "eyJ", A::Dotted, 37, 0, 12, R::WebToken},
    {"bearer-token", "earer ", A::Bearer, 16, 0, 8, R::Bearer},
    {"url-password", "://", A::Bearer, 0, 0, 0, R::Address},
    {"password", "password", A::Bearer, 8, 200, 0, R::Assignment},
    {"password", "passwd", A::Bearer, 8, 200, 0, R::Assignment},
    {"password", "passphrase", A::Bearer, 8, 200, 0, R::Assignment},
    {"secret", "secret", A::Bearer, 12, 200, 0, R::Assignment},
    {"secret", "token", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "api_key", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "apikey", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "api-key", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "app_key", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "accesskey", A::Bearer, 16, 200, 0, R::Assignment},
    {"secret", "access_key", A::Bearer, 16, 200, 0, R::Assignment},
};

// Anchors that are a letter out of few and another: written out, they would fill a page.
constexpr size_t twilio = 16;
constexpr size_t azure = 10;
constexpr size_t discord = 3 * 4 * 10;
constexpr size_t made = twilio + azure + discord;

constexpr std::array<std::array<char, 4>, made> madeAnchors()
{
    std::array<std::array<char, 4>, made> all{};
    size_t n = 0;
    for (const char digit : std::string_view("0123456789abcdef")) {
        all[n++] = {'S', 'K', digit, 0}; // SK and 32 hex digits
    }
    for (const char digit : std::string_view("0123456789")) {
        all[n++] = {digit, 'Q', '~', 0};
    }
    // A bot's number in base64: three digits always look like one of these.
    for (const char first : std::string_view("MNO")) {
        for (const char second : std::string_view("DTjz")) {
            for (const char third : std::string_view("AEIMQUYcgk")) {
                all[n++] = {first, second, third, 0};
            }
        }
    }
    return all;
}
constexpr auto anchors = madeAnchors();

constexpr std::array<Pattern, std::size(fixed) + made> table()
{
    std::array<Pattern, std::size(fixed) + made> all{};
    std::ranges::copy(fixed, all.begin());
    for (size_t i = 0; i < made; ++i) {
        Pattern& pattern = all[std::size(fixed) + i];
        pattern.anchor = anchors[i].data();
        if (i < twilio) {
            pattern.name = "twilio-key";
            pattern.alphabet = A::Hex;
            pattern.least = pattern.most = 31;
            pattern.unbroken = 31;
        } else if (i < twilio + azure) {
            pattern.name = "azure-key";
            pattern.alphabet = A::Bearer;
            pattern.least = 31;
            pattern.most = 34;
            pattern.rule = R::Mark;
        } else {
            pattern.name = "discord-token";
            pattern.alphabet = A::Dotted;
            pattern.least = 50;
            pattern.most = 80;
            pattern.unbroken = 6;
            pattern.rule = R::Discord;
        }
    }
    return all;
}
constexpr auto all = table();

} // namespace

std::span<const Pattern> patterns()
{
    return all;
}

} // namespace sb::leaks
