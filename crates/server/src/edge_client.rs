//! Requests to the edge: by DNS and https, or to the address that `EDGE_DELIVERY_EDGE_URL` names.
