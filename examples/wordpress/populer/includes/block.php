<?php
// The block: a list in the block editor, rendered by the server as the shortcode is.

if (!defined('ABSPATH')) {
    exit;
}

/** Make the block known, with its script of the editor. */
function populer_register_block(): void
{
    $needs = ['wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components', 'wp-server-side-render'];
    wp_register_script('populer-block', plugins_url('block/editor.js', __DIR__), $needs, POPULER_VERSION, true);
    $words = populer_labels() + ['usual' => ['list' => populer_setting('list'), 'limit' => populer_setting('limit')]];
    wp_add_inline_script('populer-block', 'window.populerBlock = ' . wp_json_encode($words) . ';', 'before');
    register_block_type(dirname(__DIR__) . '/block', ['render_callback' => 'populer_block']);
}

/** The block in a page; the editor also sees where there is nothing to show. */
function populer_block(array $attributes): string
{
    $list = populer_list($attributes);
    if (defined('REST_REQUEST') && REST_REQUEST && strpos($list, '<li') === false) {
        return '<p>' . esc_html(populer_labels()['empty']) . '</p>';
    }
    return '<div ' . get_block_wrapper_attributes() . '>' . $list . '</div>';
}
