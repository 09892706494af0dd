/** Details of refusals that the upstream causes: part of the table in `refusal-table.ts`. */
export const upstreamDetails = {
  upstream_unreachable: ['upstream_unreachable', 'the upstream cannot be reached'],
  proxy_failed: [
    'upstream_unreachable',
    'the forward proxy in front of the upstream cannot be reached, or does not answer',
  ],
  proxy_refused: [
    'upstream_unreachable',
    'the forward proxy in front of the upstream refused the connection with status {status}',
  ],
  upstream_token: ['upstream_unreachable', 'the gateway has no token for the upstream'],
  timeout_connect: [
    'upstream_unreachable',
    'the upstream did not accept the connection within upstream.timeout.connect',
  ],
  timeout_response: [
    'upstream_timeout',
    'the upstream did not begin its response within upstream.timeout.response, which is {seconds} s',
  ],
  timeout_idle: [
    'upstream_timeout',
    'the upstream paused within its response for longer than upstream.timeout.idle',
  ],
  upstream_http: ['upstream_invalid', 'the upstream sent invalid HTTP'],
  upstream_headers: [
    'upstream_invalid',
    'the response headers of the upstream are too large: at most 16 KiB and 200 fields are read',
  ],
  upstream_compressed: ['upstream_invalid', 'the upstream sent a compressed response that was not requested'],
  upstream_transport: [
    'upstream_invalid',
    'upstream.url is not an endpoint of Streamable HTTP; if the server has the older transport HTTP+SSE, use its Streamable HTTP endpoint, or put a bridge in front of it',
  ],
  upstream_unauthorized: ['upstream_invalid', 'the upstream refused the credential of the gateway'],
  proxy_unauthorized: ['upstream_invalid', 'a proxy in front of the upstream requires a credential'],
  upstream_failed: ['upstream_invalid', 'the upstream answered with the status {status}'],
  upstream_redirect: ['upstream_invalid', 'the upstream redirects; upstream.url must be the endpoint itself'],
  upstream_no_stream: ['upstream_invalid', 'the upstream did not answer GET with an event stream'],
  upstream_empty: ['upstream_invalid', 'the upstream sent an empty response to a request'],
  upstream_no_answer: ['upstream_invalid', 'the upstream ended its stream without a response to the request'],
  upstream_content_type: ['upstream_invalid', 'the upstream sent neither JSON nor an event stream'],
  upstream_unreadable: ['upstream_invalid', 'the upstream sent a response that cannot be read{why}'],
} as const
