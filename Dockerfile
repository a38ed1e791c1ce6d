# syntax=docker/dockerfile:1
# One static binary and the roots of TLS; no shell, no user but nobody.
FROM rust:1.95-alpine AS build
# a version that is pinned is gone from the mirrors with its next fix
# hadolint ignore=DL3018
RUN apk add --no-cache ca-certificates musl-dev
WORKDIR /src
COPY . .
ARG TRUEUP_COMMIT=
RUN cargo build --profile dist --locked --features full --bin trueup && mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 --chmod=1777 /empty /tmp
COPY --from=build --chown=65532:65532 /empty /work
COPY --from=build /src/target/dist/trueup /trueup
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/trueup"]
