<?php

if (!defined('ABSPATH')) {
    exit;
}

/** A list in a sidebar. */
class Populer_Widget extends WP_Widget
{
    public function __construct()
    {
        parent::__construct('populer', 'Populer');
    }

    public function widget($args, $instance)
    {
        echo $args['before_widget'] ?? '', populer_list($instance), $args['after_widget'] ?? '';
    }

    public function form($instance)
    {
        $labels = populer_labels();
        $usual = ['list' => populer_setting('list'), 'limit' => populer_setting('limit')];
        foreach (['list', 'limit', 'section', 'theme'] as $name) {
            printf(
                '<p><label>%1$s <input class="widefat" name="%2$s" value="%3$s" placeholder="%4$s"></label></p>',
                esc_html($labels[$name]),
                esc_attr($this->get_field_name($name)),
                esc_attr((string) ($instance[$name] ?? '')),
                esc_attr($usual[$name] ?? '')
            );
        }
        return '';
    }

    public function update($new_instance, $old_instance)
    {
        return array_map('sanitize_text_field', array_intersect_key($new_instance, POPULER_LIST_ATTRIBUTES));
    }
}
