# shellcheck shell=bash
# Sourced by the scripts that call `gh`: on GitHub Enterprise Server it needs the host, and the token under another name.
if [ "${GITHUB_SERVER_URL:-https://github.com}" != https://github.com ]; then
  GH_HOST=${GITHUB_SERVER_URL#https://}
  GH_ENTERPRISE_TOKEN=$GH_TOKEN
  export GH_HOST GH_ENTERPRISE_TOKEN
fi
