//! The Worker: one upload with script, bindings, the site's key and the tags, so that there is no moment in which a
//! part is missing.

use super::{StepError, Work, wrong_plan};
use crate::{
    reconcile::{
        cloudflare_ids::{account_id, namespace_id, script_id},
        material,
    },
    services::{previews, site_keys},
};
use cloudflare::{Binding, ScriptForm, ScriptUpload};
use domain::{
    desired::{OWNER_TAG, hash_tag, site_tag},
    edge::{
        COMPATIBILITY_DATE, CONFIG_BINDING, KEY_BINDING, KV_BINDING, SCRIPT_PART,
        data_point::VISITS_BINDING,
    },
    observed::UploadIntent,
    preview::PREVIEW_KEY_BINDING,
};

pub(super) async fn upload(work: &mut Work<'_>) -> Result<Option<String>, StepError> {
    let material = work.material()?.clone();
    let namespace = work
        .site
        .recorded
        .namespace
        .clone()
        .ok_or_else(|| wrong_plan("a Worker without its namespace"))?;
    let is_earlier = work.pinned.is_some();
    let named = material.config.key();
    let (key_id, key) = site_keys::for_upload(work.app, &mut work.site, named, is_earlier).await?;
    // A Worker of an earlier version, which a rollback brings back, shows no previews.
    let preview = match material.config.preview_key() {
        Some(_) => Some(previews::key_for_upload(work.app, &work.site).await?),
        None => None,
    };
    material::keep(work.app, &material).await?;
    let (was_intended, former, was_pinned) = (
        work.site.recorded.script_intended,
        work.site.recorded.upload.clone(),
        work.site.recorded.pinned.clone(),
    );
    let pinned = work.pinned.clone();
    let intent = UploadIntent {
        hash: material.desired.script_hash.clone(),
        config_hash: material.desired.config_hash.clone(),
        before: work.seen_script.clone(),
        // An intent that still stands is of an upload that nobody answered.
        unanswered: former.as_ref().map_or(0, |former| former.unanswered + 1),
        preview_key: preview.as_ref().map(|(id, _)| id.clone()),
        key: key_id,
        dataset: material.desired.dataset.clone(),
    };
    work.record(|recorded| {
        recorded.script_intended = true;
        recorded.upload = Some(intent);
        recorded.pinned = pinned;
    })
    .await?;
    let preview = preview.map(|(_, key)| Binding::SecretText {
        name: PREVIEW_KEY_BINDING.to_owned(),
        text: key.expose().to_owned(),
    });
    let dataset = material
        .config
        .dataset()
        .map(|name| Binding::AnalyticsEngine {
            name: VISITS_BINDING.to_owned(),
            dataset: name.parse().expect("a constant that is a dataset's name"),
        });
    let upload = ScriptUpload {
        form: ScriptForm::ServiceWorker {
            part: SCRIPT_PART.to_owned(),
            code: material.script,
        },
        compatibility_date: COMPATIBILITY_DATE.to_owned(),
        bindings: vec![
            Binding::KvNamespace {
                name: KV_BINDING.to_owned(),
                namespace: namespace_id(&namespace),
            },
            Binding::SecretText {
                name: KEY_BINDING.to_owned(),
                text: key.expose().to_owned(),
            },
            Binding::Json {
                name: CONFIG_BINDING.to_owned(),
                json: material.config.to_json(),
            },
        ]
        .into_iter()
        .chain(preview)
        .chain(dataset)
        .collect(),
        tags: vec![
            OWNER_TAG.to_owned(),
            site_tag(work.site.id),
            hash_tag(&material.desired.script_hash),
        ],
        keep_bindings: Vec::new(),
    };
    let account = account_id(&work.site.account);
    work.calls += 1;
    let uploaded = match work
        .api
        .upload_script(&account, &script_id(work.site.id), &upload)
        .await
    {
        Ok(uploaded) => uploaded,
        Err(error) => {
            return Err(work
                .refused(error, |recorded| {
                    recorded.script_intended = was_intended;
                    recorded.upload = former;
                    recorded.pinned = was_pinned;
                })
                .await);
        }
    };
    // The intent stays until the next look sees our tags on another version than before. Where versions are not told,
    // the same text has the same mark as before; then this answer alone says that it came through.
    if uploaded.deployment_id.is_none() {
        work.record(|recorded| {
            if let Some(upload) = &mut recorded.upload {
                upload.before = None;
            }
        })
        .await?;
    }
    Ok(None)
}

pub(super) async fn delete(work: &mut Work<'_>) -> Result<Option<String>, StepError> {
    let account = account_id(&work.site.account);
    work.calls += 1;
    let note = match work
        .api
        .delete_script(&account, &script_id(work.site.id), true)
        .await
    {
        Ok(()) => None,
        Err(error) if error.is_not_found() => Some("It was gone already.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    work.record(|recorded| {
        recorded.script_intended = false;
        recorded.upload = None;
        recorded.script_etag = None;
        recorded.applied = None;
        recorded.pinned = None;
    })
    .await?;
    Ok(note)
}
