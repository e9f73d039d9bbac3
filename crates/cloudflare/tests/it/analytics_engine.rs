//! Reading data points from the emulator's Analytics Engine.

use crate::{
    local::{GOOD, Local, permissions},
    support::account,
};
use cloudflare::{DataQuery, DatasetName, Granted, GroupBy};
use cloudflare_emulator::account::DataPoint;
use serde_json::json;

const READER: &str = "local-demo-reader-0000000000000000000000";

fn point(at_s: u64, agent: &str, path: &str) -> DataPoint {
    DataPoint {
        at_ms: at_s * 1000,
        index: "site-1".to_owned(),
        blobs: vec![agent.to_owned(), path.to_owned()],
        doubles: vec![200.0, 5.0],
        sample_interval: 1,
    }
}

async fn local() -> Local {
    let mut granted = permissions(None);
    granted["account_analytics"] = json!("read");
    Local::start(vec![json!({"value": READER, "permissions": granted})]).await
}

fn write(local: &Local, dataset: &str, points: Vec<DataPoint>, sample: u64) {
    let mut world = local.world.write();
    let key = (account().as_str().to_owned(), dataset.to_owned());
    let dataset = world.datasets.entry(key).or_default();
    for point in points {
        dataset.write(point, sample, 10_000_000);
    }
}

fn by_agent<'a>(dataset: &'a DatasetName, begins: Option<(u8, &'a str)>) -> DataQuery<'a> {
    DataQuery {
        dataset,
        index: "site-1",
        from: 3_600,
        to: 7_200,
        group: &[GroupBy::Blob(1)],
        sum: Some(2),
        begins,
        limit: 100,
    }
}

#[tokio::test]
async fn groups_are_counted() {
    let local = local().await;
    let points = vec![
        point(3_599, "GPTBot", "/early"),
        point(3_600, "GPTBot", "/it's \"a\""),
        point(3_700, "GPTBot", "/b"),
        point(7_199, "ClaudeBot", "/b"),
        point(7_200, "ClaudeBot", "/late"),
    ];
    write(&local, "visits", points, 1);
    let api = local.api(READER);
    let dataset: DatasetName = "visits".parse().unwrap();
    let found = api
        .query_data_points(&account(), &by_agent(&dataset, None))
        .await
        .unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].keys, ["GPTBot"]);
    assert_eq!((found[0].written, found[0].kept), (2, 2));
    assert!((found[0].sum - 10.0).abs() < 1e-9);
    let quoted = by_agent(&dataset, Some((2, "/it's \"a")));
    let found = api.query_data_points(&account(), &quoted).await.unwrap();
    assert_eq!((found.len(), found[0].written), (1, 1));
    let mut one = by_agent(&dataset, None);
    one.limit = 1;
    assert_eq!(
        api.query_data_points(&account(), &one).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn what_is_sampled_says_so() {
    let local = local().await;
    let points = (0..40).map(|_| point(4_000, "GPTBot", "/a")).collect();
    write(&local, "visits", points, 10);
    let dataset: DatasetName = "visits".parse().unwrap();
    let found = local
        .api(READER)
        .query_data_points(&account(), &by_agent(&dataset, None))
        .await
        .unwrap();
    assert_eq!((found[0].written, found[0].kept), (40, 4));
}

#[tokio::test]
async fn a_dataset_that_is_not_there_is_told_apart_from_a_missing_right() {
    let local = local().await;
    let dataset: DatasetName = "nothing".parse().unwrap();
    let query = by_agent(&dataset, None);
    let reader = local.api(READER);
    let error = reader
        .query_data_points(&account(), &query)
        .await
        .unwrap_err();
    assert!(!error.is_forbidden() && !error.is_unavailable(), "{error}");
    assert!(
        error.to_string().contains("unable to find table"),
        "{error}"
    );
    assert_eq!(
        reader.list_datasets(&account()).await.unwrap(),
        Vec::<String>::new()
    );
    write(&local, "others", vec![point(1, "a", "/")], 1);
    assert_eq!(reader.list_datasets(&account()).await.unwrap(), ["others"]);
    let granted = reader.probe_account_analytics_read(&account()).await;
    assert!(matches!(granted, Granted::Yes { .. }), "{granted:?}");

    let lacking = local.api(GOOD);
    let error = lacking
        .query_data_points(&account(), &query)
        .await
        .unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    let granted = lacking.probe_account_analytics_read(&account()).await;
    assert!(matches!(granted, Granted::No { .. }), "{granted:?}");
}
