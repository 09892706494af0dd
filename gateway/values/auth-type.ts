/** Returns whether an auth method accepts tokens of an issuer. */
export function takesTokens<Method extends { readonly type?: string | undefined }>(
  method: Method,
): method is Extract<Method, { readonly type?: 'jwt' | 'oauth' | undefined }> {
  return method.type === 'jwt' || method.type === 'oauth'
}
