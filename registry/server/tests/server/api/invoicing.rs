//! Where invoices go: of a person and of an organization.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, Registry};

const BOB: As = As::Basic("bob");

#[tokio::test]
async fn invoices_go_where_the_account_says() {
    let registry = Registry::new().await;
    let put = async |body: Value| {
        let answer = script(&registry, &BOB, Method::PUT, "/api/v1/user/", Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let json = answer.json();
        (json["invoice_email"].clone(), json["invoice_email_address"].clone())
    };
    assert_eq!(put(json!({})).await, (json!(false), Value::Null));
    assert_eq!(put(json!({"invoice_email": true})).await, (json!(true), Value::Null));
    let address = json!({"invoice_email_address": "Bills@Registry.example"});
    assert_eq!(put(address).await, (json!(true), json!("bills@registry.example")));
    assert_eq!(put(json!({"company": "ACME"})).await, (json!(true), json!("bills@registry.example")));
    assert_eq!(put(json!({"invoice_email": false})).await, (json!(false), Value::Null));
    let wrong = Some(json!({"invoice_email_address": "nowhere"}));
    let refused = script(&registry, &BOB, Method::PUT, "/api/v1/user/", wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let logged = registry.get(&BOB, "/api/v1/user/logs").await.json().to_string();
    assert!(logged.contains("user_change_invoicing"), "{logged}");

    let charts = "/api/v1/organization/charts";
    let shown = alice(&registry, Method::GET, charts, None, 200).await.json();
    assert_eq!((&shown["invoice_email"], &shown["invoice_email_address"]), (&json!(false), &json!("")));
    let body = json!({"invoice_email": true, "invoice_email_address": "bills@registry.example"});
    let shown = alice(&registry, Method::PUT, charts, Some(body.clone()), 200).await.json();
    assert_eq!(shown["invoice_email_address"], "bills@registry.example");
    assert!(!registry.get(&BOB, charts).await.json().to_string().contains("bills@"), "for owners only");
    let refused = script(&registry, &BOB, Method::PUT, charts, Some(body)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let logged = alice(&registry, Method::GET, "/api/v1/organization/charts/logs", None, 200).await.json();
    assert!(logged.to_string().contains("org_change_invoicing"), "{logged}");
}
