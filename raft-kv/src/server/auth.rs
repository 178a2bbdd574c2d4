//! The Auth service of a cluster without users: it answers as etcd's does as long as nobody has been added. To add somebody is
//! not possible yet.

use std::sync::Arc;

use axum::http::HeaderMap;
use tonic::{Request, Response, Status};

use super::errors;
use super::kv_server::KvServer;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::auth_server::Auth;

/// Refuses who says that he was given a token, as etcd does whether it knows users or not.
///
/// # Errors
/// Where there is one.
pub(super) fn refuse_token(headers: &HeaderMap) -> Result<(), Status> {
    match ["token", "authorization"].map(|name| headers.contains_key(name)) {
        [false, false] => Ok(()),
        _ => Err(errors::INVALID_AUTH_TOKEN.into()),
    }
}

/// The service.
#[derive(Clone)]
pub(super) struct AuthService(pub(super) Arc<KvServer>);

impl AuthService {
    fn header(&self) -> Option<pb::ResponseHeader> {
        Some(self.0.header_now())
    }
}

fn no_users<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented(
        "this server keeps no users and no roles",
    ))
}

#[tonic::async_trait]
impl Auth for AuthService {
    async fn auth_enable(
        &self,
        _: Request<pb::AuthEnableRequest>,
    ) -> Result<Response<pb::AuthEnableResponse>, Status> {
        Err(errors::ROOT_MISSING.into())
    }

    async fn auth_disable(
        &self,
        _: Request<pb::AuthDisableRequest>,
    ) -> Result<Response<pb::AuthDisableResponse>, Status> {
        Ok(Response::new(pb::AuthDisableResponse {
            header: self.header(),
        }))
    }

    async fn auth_status(
        &self,
        _: Request<pb::AuthStatusRequest>,
    ) -> Result<Response<pb::AuthStatusResponse>, Status> {
        // etcd counts changes of its users from 1.
        let (header, enabled, auth_revision) = (self.header(), false, 1);
        Ok(Response::new(pb::AuthStatusResponse {
            header,
            enabled,
            auth_revision,
        }))
    }

    async fn authenticate(
        &self,
        _: Request<pb::AuthenticateRequest>,
    ) -> Result<Response<pb::AuthenticateResponse>, Status> {
        Err(errors::AUTH_NOT_ENABLED.into())
    }

    async fn user_list(
        &self,
        _: Request<pb::AuthUserListRequest>,
    ) -> Result<Response<pb::AuthUserListResponse>, Status> {
        let (header, users) = (self.header(), Vec::new());
        Ok(Response::new(pb::AuthUserListResponse { header, users }))
    }

    async fn role_list(
        &self,
        _: Request<pb::AuthRoleListRequest>,
    ) -> Result<Response<pb::AuthRoleListResponse>, Status> {
        let (header, roles) = (self.header(), Vec::new());
        Ok(Response::new(pb::AuthRoleListResponse { header, roles }))
    }

    async fn user_add(
        &self,
        request: Request<pb::AuthUserAddRequest>,
    ) -> Result<Response<pb::AuthUserAddResponse>, Status> {
        match request.into_inner().name.is_empty() {
            true => Err(errors::USER_EMPTY.into()),
            false => no_users(),
        }
    }

    async fn role_add(
        &self,
        request: Request<pb::AuthRoleAddRequest>,
    ) -> Result<Response<pb::AuthRoleAddResponse>, Status> {
        match request.into_inner().name.is_empty() {
            true => Err(errors::ROLE_EMPTY.into()),
            false => no_users(),
        }
    }

    async fn user_get(
        &self,
        _: Request<pb::AuthUserGetRequest>,
    ) -> Result<Response<pb::AuthUserGetResponse>, Status> {
        Err(errors::USER_NOT_FOUND.into())
    }

    async fn user_delete(
        &self,
        _: Request<pb::AuthUserDeleteRequest>,
    ) -> Result<Response<pb::AuthUserDeleteResponse>, Status> {
        Err(errors::USER_NOT_FOUND.into())
    }

    async fn user_change_password(
        &self,
        _: Request<pb::AuthUserChangePasswordRequest>,
    ) -> Result<Response<pb::AuthUserChangePasswordResponse>, Status> {
        Err(errors::USER_NOT_FOUND.into())
    }

    async fn user_grant_role(
        &self,
        _: Request<pb::AuthUserGrantRoleRequest>,
    ) -> Result<Response<pb::AuthUserGrantRoleResponse>, Status> {
        Err(errors::USER_NOT_FOUND.into())
    }

    async fn user_revoke_role(
        &self,
        _: Request<pb::AuthUserRevokeRoleRequest>,
    ) -> Result<Response<pb::AuthUserRevokeRoleResponse>, Status> {
        Err(errors::USER_NOT_FOUND.into())
    }

    async fn role_get(
        &self,
        _: Request<pb::AuthRoleGetRequest>,
    ) -> Result<Response<pb::AuthRoleGetResponse>, Status> {
        Err(errors::ROLE_NOT_FOUND.into())
    }

    async fn role_delete(
        &self,
        _: Request<pb::AuthRoleDeleteRequest>,
    ) -> Result<Response<pb::AuthRoleDeleteResponse>, Status> {
        Err(errors::ROLE_NOT_FOUND.into())
    }

    async fn role_grant_permission(
        &self,
        _: Request<pb::AuthRoleGrantPermissionRequest>,
    ) -> Result<Response<pb::AuthRoleGrantPermissionResponse>, Status> {
        Err(errors::ROLE_NOT_FOUND.into())
    }

    async fn role_revoke_permission(
        &self,
        _: Request<pb::AuthRoleRevokePermissionRequest>,
    ) -> Result<Response<pb::AuthRoleRevokePermissionResponse>, Status> {
        Err(errors::ROLE_NOT_FOUND.into())
    }
}
