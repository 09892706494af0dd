import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { resourceUris } from '../data.ts'
import type { Data, Post } from '../data.ts'
import { answer, pageArguments, pageOf, pageSchema } from './answers.ts'
import { findUser } from './users.ts'

const status = z.enum(['draft', 'published'])
const tag = z.string().trim().toLowerCase().min(1).max(30)
const postSchema: z.ZodType<Post> = z.object({
  id: z.int(),
  userId: z.int(),
  title: z.string(),
  body: z.string(),
  tags: z.array(z.string()),
  status,
  createdAt: z.string(),
})

const getInput = z.object({
  userId: z.int().optional(),
  tag: tag.optional(),
  status: status.optional(),
  search: z.string().optional().describe('Part of the title or of the text'),
  ...pageArguments,
})
const createInput = z.object({
  userId: z.int().describe('Who wrote it; must be an active user'),
  title: z.string().trim().min(1).max(200),
  body: z.string().max(10_000),
  tags: z.array(tag).max(10).default([]),
  status: status.default('draft'),
})
const postsOutput = pageSchema(postSchema)
const postOutput = z.object({ post: postSchema })

/** Adds the tools that read and write posts. */
export function registerPostTools(server: McpServer, data: Data): void {
  server.registerTool(
    'get_posts',
    {
      title: 'List posts',
      description: 'Lists posts, newest first, filtered by author, tag, status or a part of their text.',
      inputSchema: getInput,
      outputSchema: postsOutput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ userId, tag, status, search, ...page }) => {
      const wanted = search?.toLowerCase()
      const found = [...data.posts.values()]
        .filter(
          post =>
            (userId === undefined || post.userId === userId) &&
            (tag === undefined || post.tags.includes(tag)) &&
            (status === undefined || post.status === status) &&
            (wanted === undefined || `${post.title} ${post.body}`.toLowerCase().includes(wanted)),
        )
        .toSorted((one, other) => other.createdAt.localeCompare(one.createdAt))
      return answer({ ...pageOf(found, page) })
    },
  )

  server.registerTool(
    'create_post',
    {
      title: 'Create a post',
      description: 'Adds a post by an active user. It is a draft unless said otherwise.',
      inputSchema: createInput,
      outputSchema: postOutput,
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    ({ userId, title, body, tags, status }) => {
      const author = findUser(data, userId)
      if (!author.active) throw new Error(`${author.name} is not active and cannot write posts`)
      const createdAt = new Date().toISOString()
      const post: Post = {
        id: data.newId(),
        userId,
        title,
        body,
        tags: [...new Set(tags)],
        status,
        createdAt,
      }
      data.posts.set(post.id, post)
      data.changed(resourceUris.posts)
      return answer({ post })
    },
  )
}
