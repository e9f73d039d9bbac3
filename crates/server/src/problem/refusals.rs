//! Refusals of Cloudflare that mean one thing, by the call and the code (Cloudflare API notes §3, §4.6, §5, §6.5): codes
//! are each service's own, so the call counts as much.

use super::{Code, Problem};
use cloudflare::Error;

/// The problem, if it is one of them.
pub(super) fn known(error: &Error) -> Option<Problem> {
    let endpoint = error.endpoint.as_str();
    let said = error.message().unwrap_or("no reason").to_owned();
    if endpoint.contains("/storage/kv/") {
        return of_kv(error);
    }
    if endpoint.contains("/workers/scripts") && !error.is_not_found() {
        return of_scripts(error, &said);
    }
    if endpoint.contains("/workers/routes") && error.code() == Some(10_022) {
        return Some(
            Problem::new(Code::CloudflareRefused, format!("Cloudflare does not take the route's pattern: {said}."))
                .cause("A route's host must be in the zone, with `*` only as the first character of the host and the last of the path.")
                .remedy("Change the site's host names or route patterns, then plan again."),
        );
    }
    let is_zone = endpoint == "GET /zones/{zone}";
    let is_listing = endpoint == "GET /zones/{zone}/workers/routes";
    let is_gone = error.is_not_found() || error.code() == Some(1001);
    if (is_zone && (is_gone || error.is_forbidden())) || (is_listing && is_gone) {
        return Some(zone_out_of_reach(error));
    }
    let is_account = endpoint.contains("/accounts/{account}/");
    (is_account && error.code() == Some(7003)).then(account_out_of_reach)
}

fn of_kv(error: &Error) -> Option<Problem> {
    match error.code()? {
        10_048 => Some(
            Problem::new(Code::CloudflareRefused, "The account has used up what Workers KV allows it for today.")
                .cause("The free plan takes 1,000 writes a day for the whole account, each variant being one; dashboard and other programs count, too.")
                .remedy("Go on after 00:00 UTC, when Cloudflare counts anew: what was written is not written again.")
                .remedy("Or take the paid Workers plan in the Cloudflare dashboard, and go on at once."),
        ),
        10_037 => Some(not_available(error.message().unwrap_or("no reason"))),
        7003 => Some(account_out_of_reach()),
        _ => None,
    }
}

/// What the code means is not confirmed (§4.6): the account has no Workers or KV, or holds as many as its plan allows.
fn not_available(said: &str) -> Problem {
    Problem::new(
        Code::CloudflareRefused,
        format!("Cloudflare refuses the account itself: {said}."),
    )
    .cause("Workers or KV is not available to the account: something there was never finished, or its plan has none.")
    .cause("Or a limit of its plan is reached: the free plan allows 100 Workers, the paid one 500.")
    .remedy("Open Workers & Pages of this account in the Cloudflare dashboard once, and see what it asks for: terms, a plan, a free place. Then go on.")
    .remedy("Or delete Workers that are not needed there, or take a larger plan. Then go on.")
}

fn of_scripts(error: &Error, said: &str) -> Option<Problem> {
    let refused = |detail: String| Problem::new(Code::CloudflareRefused, detail);
    Some(match error.code()? {
        10_063 => refused("The account has no workers.dev name yet, and Cloudflare takes no Worker before it has one.".to_owned())
            .cause("It is a new account, in which no Worker was ever made.")
            .remedy("Open Workers & Pages once in the Cloudflare dashboard and choose a name; nothing has to be served there. Then go on."),
        10_034 => refused("The e-mail address of the Cloudflare account is not verified, and Cloudflare takes no Worker before it is.".to_owned())
            .cause("The account is new, or its address was changed.")
            .remedy("Open the link in Cloudflare's mail, or ask for another one in the dashboard (My Profile). Then go on."),
        10_037 => not_available(said),
        // The code is reported (cloudflare/workers-sdk issues 5940 and 9312), its status is not.
        10_089 => refused("Workers Analytics Engine is not enabled for the account, and the site's visits are to be kept there.".to_owned())
            .cause("Cloudflare enables it per account, once; some accounts have to do so by hand, and some after a change of their plan.")
            .remedy("Open Analytics Engine once in the Cloudflare dashboard (https://dash.cloudflare.com/?to=/:account/workers/analytics-engine) and enable it. Then go on.")
            .remedy("Or choose in the site's settings that visits are kept by the console, and deploy again."),
        10_021 => refused(format!("Cloudflare did not take the Worker's script: {said}."))
            .cause("Its validator refused it. This should not happen with a script of Edge Delivery.")
            .remedy("Report Cloudflare's message below; until then the site stays as it was."),
        10_027 => refused("Cloudflare says that the Worker's script is too large.".to_owned())
            .cause("The limits of Workers are smaller than expected for this account.")
            .remedy("Report it with the account's plan; until then the site stays as it was."),
        _ => return None,
    })
}

fn zone_out_of_reach(error: &Error) -> Problem {
    let code = if error.is_forbidden() {
        Code::InsufficientPermissions
    } else {
        Code::CloudflareRefused
    };
    Problem::new(code, "The token does not reach the site's zone: Cloudflare does not show it.")
        .cause("Zone: Read is missing, or the zone is not included in the token.")
        .cause("The zone was moved to another account, or taken out of Cloudflare.")
        .remedy("See in the Cloudflare dashboard which account holds the zone.")
        .remedy("If it is this one: edit the token (My Profile → API Tokens), include the zone, then check the connection again.")
        .remedy("If it is another one: connect a token that reaches it, remove this site, and make it anew there.")
}

fn account_out_of_reach() -> Problem {
    Problem::new(Code::CloudflareRefused, "Cloudflare knows no such account, or does not show it to the token.")
        .cause("The account was closed, or its id in the site is of another one.")
        .cause("The token's owner left the account.")
        .remedy("See in the Cloudflare dashboard whether the account is still there.")
        .remedy("Replace the connection's token by one of somebody who belongs to the account; its sites stay as they are.")
}
