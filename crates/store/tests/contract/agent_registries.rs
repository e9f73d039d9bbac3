use crate::{samples::after, world::World};
use domain::ids::WorkspaceId;
use store::{AgentRegistry, RegistryState};
use uuid::Uuid;

fn registry(workspace: WorkspaceId, number: u8) -> AgentRegistry {
    AgentRegistry {
        id: Uuid::from_u128(0xa6e0_0000 + u128::from(number)),
        workspace,
        state: RegistryState::Staged,
        version: format!("v{number}"),
        digest: format!("{number:064}"),
        agents: 100 + u64::from(number),
        staged_by: "owner@example.com".to_owned(),
        staged_at: after(number.into()),
        activated_by: None,
        activated_at: None,
    }
}

async fn states(world: &World) -> Vec<(String, RegistryState)> {
    let all = world.store.agent_registries(world.workspace).await;
    all.expect("reads")
        .into_iter()
        .map(|registry| (registry.version, registry.state))
        .collect()
}

pub(crate) async fn a_registry_is_staged_activated_and_taken_back(world: World) {
    use RegistryState::{Active, Former, Staged};
    let (store, ws) = (&world.store, world.workspace);
    assert_eq!(store.active_agent_registry(ws).await.expect("reads"), None);
    assert!(!store.discard_staged_agent_registry(ws).await.expect("ok"));
    let (one, two) = (registry(ws, 1), registry(ws, 2));
    store
        .stage_agent_registry(&one, "{1}")
        .await
        .expect("stages");
    assert_eq!(store.active_agent_registry(ws).await.expect("reads"), None);
    store
        .stage_agent_registry(&two, "{2}")
        .await
        .expect("stages");
    assert_eq!(
        states(&world).await,
        [("v2".to_owned(), Staged)],
        "one at a time"
    );
    let known = store.agent_registries(ws).await.expect("reads");
    assert_eq!(known.as_slice(), std::slice::from_ref(&two));

    let activate = async |id, seconds| {
        store
            .activate_agent_registry(ws, id, "somebody", after(seconds))
            .await
            .expect("activates")
    };
    assert!(!activate(one.id, 10).await, "it was replaced");
    assert!(activate(two.id, 10).await);
    assert!(!activate(two.id, 11).await, "it is in force already");
    let active = store.active_agent_registry(ws).await.expect("reads");
    let active = active.expect("one is in force");
    assert_eq!((active.id, active.agents), (two.id, 102));
    assert_eq!(active.activated_by.as_deref(), Some("somebody"));
    assert_eq!(active.activated_at, Some(after(10)));
    let document = store.agent_registry_document(ws, two.id).await;
    assert_eq!(document.expect("reads").as_deref(), Some("{2}"));
    let other = WorkspaceId::from_uuid(Uuid::from_u128(7));
    assert_eq!(
        store
            .agent_registry_document(other, two.id)
            .await
            .expect("reads"),
        None
    );
    assert_eq!(
        store.active_agent_registry(other).await.expect("reads"),
        None
    );

    let three = registry(ws, 3);
    store
        .stage_agent_registry(&three, "{3}")
        .await
        .expect("stages");
    assert!(activate(three.id, 20).await);
    assert_eq!(
        states(&world).await,
        [("v3".to_owned(), Active), ("v2".to_owned(), Former)]
    );
    assert!(activate(two.id, 30).await, "back to the former one");
    assert_eq!(
        states(&world).await,
        [("v3".to_owned(), Former), ("v2".to_owned(), Active)]
    );
    assert!(store.retire_active_agent_registry(ws).await.expect("ok"));
    assert!(!store.retire_active_agent_registry(ws).await.expect("ok"));
    assert_eq!(store.active_agent_registry(ws).await.expect("reads"), None);
    assert!(
        store
            .discard_staged_agent_registry(ws)
            .await
            .is_ok_and(|was| !was)
    );

    for number in 4..30 {
        let next = registry(ws, number);
        store
            .stage_agent_registry(&next, "{}")
            .await
            .expect("stages");
        assert!(activate(next.id, 100 + i64::from(number)).await);
    }
    let kept = states(&world).await;
    assert_eq!(kept.len(), 11, "the active one and ten former ones");
    assert_eq!(kept[0], ("v29".to_owned(), Active));
    assert_eq!(kept[10], ("v19".to_owned(), Former));
}
